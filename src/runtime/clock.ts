/** Time as an input: everything that waits takes a clock, so that tests decide when time passes. */
import type { Millis } from '../lib/units.ts';
import { millis } from '../lib/units.ts';

export type Cancel = () => void;

export interface Clock {
  /** Wall-clock time, for what people read. */
  now(): Date;
  /** Milliseconds from an arbitrary start that never jump: for measuring how long something lasts. */
  monotonic(): Millis;
  /** Calls `run` once after `delay`, or after 24 days if it is longer, unless cancelled before. */
  after(delay: Millis, run: () => void): Cancel;
}

/** What a timer of Node can hold. */
const LONGEST_TIMER = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => new Date(),
  monotonic: () => millis(performance.now()),
  after: (delay, run) => {
    // What is overdue by a moment is due now. Node runs what is due after more than 24 days at once: it is checked by then.
    const timer = setTimeout(run, Math.min(Math.max(delay, 0), LONGEST_TIMER));
    return () => clearTimeout(timer);
  },
};

/** Resolves after `delay`, or at once when the signal is aborted; it never rejects. */
export function sleep(clock: Clock, delay: Millis, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const wake = (): void => {
      cancel();
      signal.removeEventListener('abort', wake);
      resolve();
    };
    const cancel = clock.after(delay, wake);
    signal.addEventListener('abort', wake);
  });
}
