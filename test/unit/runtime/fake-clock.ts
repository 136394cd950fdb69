/** A clock that advances only when a test advances it. */
import { setImmediate } from 'node:timers/promises';
import { millis, type Millis } from '../../../src/lib/units.ts';
import type { Clock } from '../../../src/runtime/clock.ts';

export interface FakeClock extends Clock {
  /** Advances the time; every timer that is due meanwhile runs at its time, with all that follows from it. */
  advance(by: Millis): Promise<void>;
  /** How many timers are pending. */
  readonly pending: number;
}

export const START = new Date('2026-03-01T12:00:00Z');

/** Lets everything that is not waiting for the clock come to its end. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await setImmediate();
}

export function fakeClock(): FakeClock {
  let elapsed = 0;
  let order = 0;
  const timers = new Map<number, { readonly due: number; readonly run: () => void }>();
  const next = (until: number) =>
    [...timers].filter(([, { due }]) => due <= until).sort(([a, x], [b, y]) => x.due - y.due || a - b)[0];
  return {
    now: () => new Date(START.getTime() + elapsed),
    monotonic: () => millis(elapsed),
    after(delay, run) {
      const id = (order += 1);
      timers.set(id, { due: elapsed + delay, run });
      return () => timers.delete(id);
    },
    get pending() {
      return timers.size;
    },
    async advance(by) {
      const until = elapsed + by;
      await settle();
      for (let timer = next(until); timer; timer = next(until)) {
        const [id, { due, run }] = timer;
        timers.delete(id);
        elapsed = Math.max(elapsed, due);
        run();
        await settle();
      }
      elapsed = until;
    },
  };
}
