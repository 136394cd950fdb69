import { setTimeout as sleep } from 'node:timers/promises';

const WITHIN_MS = 90_000;
const EVERY_MS = 50;

/** Asserts again and again until it holds; after the time is over it fails with what was wrong last. */
export async function soon<T>(
  assertion: () => T | Promise<T>,
  withinMs = WITHIN_MS,
  everyMs = EVERY_MS,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    try {
      return await assertion();
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await sleep(everyMs);
  }
}
