import { setTimeout as sleep } from 'node:timers/promises';

/** A busy machine may stand still for half a minute, more than once. */
const WITHIN_MS = 300_000;
const EVERY_MS = 50;
/** What has not come for seconds is not asked for twenty times a second: a request takes more CPU time than what it waits for. */
const SLOWEST_MS = 400;
const SHARE_OF_WAIT = 1 / 20;

/**
 * Asserts again and again until it holds; after the time is over it fails with what was wrong last. The longer it takes,
 * the less often it asserts, so it must be about what stays.
 */
export async function soon<T>(
  assertion: () => T | Promise<T>,
  withinMs = WITHIN_MS,
  everyMs = EVERY_MS,
): Promise<T> {
  const started = performance.now();
  for (;;) {
    const waited = performance.now() - started;
    try {
      return await assertion();
    } catch (error) {
      if (waited > withinMs) throw error;
    }
    await sleep(Math.max(everyMs, Math.min(SLOWEST_MS, waited * SHARE_OF_WAIT)));
  }
}
