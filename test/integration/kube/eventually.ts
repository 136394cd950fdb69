import { setTimeout as sleep } from 'node:timers/promises';

/** Asks again and again until the answer is there; the test's own timeout is the limit. */
export async function eventually<T>(ask: () => T | Promise<T>): Promise<NonNullable<T>> {
  const started = performance.now();
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    await sleep(Math.max(25, Math.min(400, (performance.now() - started) / 20)));
  }
}
