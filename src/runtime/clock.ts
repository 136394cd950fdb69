/** Time as an input: everything that waits takes a clock, so that tests decide when time passes. */
import type { Millis } from '../lib/units.ts';
import { millis } from '../lib/units.ts';

export type Cancel = () => void;

export interface Clock {
  /** Wall-clock time, for what people read. */
  now(): Date;
  /** Milliseconds from an arbitrary start that never jump: for measuring how long something lasts. */
  monotonic(): Millis;
  /** Calls `run` once after `delay`, unless cancelled before. */
  after(delay: Millis, run: () => void): Cancel;
}

export const systemClock: Clock = {
  now: () => new Date(),
  monotonic: () => millis(performance.now()),
  after: (delay, run) => {
    // What is overdue by a moment is due now; Node would print a warning.
    const timer = setTimeout(run, Math.max(delay, 0));
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
