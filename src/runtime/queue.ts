/**
 * The work queue of one controller, after client-go's: it holds keys and never objects. A key that is waiting
 * is there once, a key that is being worked on is not given to a second worker, and a key that is added
 * meanwhile is handed out again as soon as its worker is done.
 */
import { millis, minutes, seconds, type Millis } from '../lib/units.ts';
import type { Cancel, Clock } from './clock.ts';

export interface QueueOptions {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly backoff?: { readonly first: Millis; readonly most: Millis };
}

interface Delayed {
  readonly due: Millis;
  readonly cancel: Cancel;
}

export class WorkQueue {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #backoff: { readonly first: Millis; readonly most: Millis };
  /** In the order of arrival; a Set keeps insertion order and membership at once. */
  readonly #ready = new Set<string>();
  /** Keys a worker holds, and since when. */
  readonly #processing = new Map<string, Millis>();
  /** Keys that were added while a worker held them. */
  readonly #again = new Set<string>();
  readonly #appointments = new Map<string, Delayed>();
  readonly #failures = new Map<string, number>();
  readonly #takers: ((key: string | undefined) => void)[] = [];
  #closed = false;

  constructor(options: QueueOptions) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#backoff = options.backoff ?? { first: seconds(1), most: minutes(5) };
  }

  /** Keys that wait for a worker. */
  get depth(): number {
    return this.#ready.size;
  }

  /** How long the oldest running key has been with its worker; 0 when none is. */
  get longestRunning(): Millis {
    const now = this.#clock.monotonic();
    return millis(Math.max(0, ...this.#processing.values().map((since) => now - since)));
  }

  /** Asks for a pass over this key as soon as a worker is free. */
  add(key: string): void {
    if (this.#closed) return;
    if (this.#processing.has(key)) {
      this.#again.add(key);
      return;
    }
    this.#ready.add(key);
    this.#serve();
  }

  /** Asks for a pass after `delay`; of two appointments for a key the earlier one stays. */
  addAfter(key: string, delay: Millis): void {
    if (this.#closed) return;
    if (delay <= 0) {
      this.add(key);
      return;
    }
    const due = millis(this.#clock.monotonic() + delay);
    const earlier = this.#appointments.get(key);
    if (earlier && earlier.due <= due) return;
    earlier?.cancel();
    const cancel = this.#clock.after(delay, () => {
      this.#appointments.delete(key);
      this.add(key);
    });
    this.#appointments.set(key, { due, cancel });
  }

  /** Asks for another try after a failure: each one in a row doubles the longest possible delay. Returns the delay chosen. */
  retry(key: string): Millis {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const ceiling = Math.min(this.#backoff.most, this.#backoff.first * 2 ** failures);
    const delay = millis(Math.ceil(this.#random() * ceiling)); // full jitter: what failed together does not return together
    this.addAfter(key, delay);
    return delay;
  }

  /** Ends a row of failures. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** How often in a row this key has failed. */
  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /** The next key, as soon as there is one; `undefined` once the queue is shut down. The caller owes a `done`. */
  take(): Promise<string | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#takers.push(resolve);
      this.#serve();
    });
  }

  /** Gives the key back. What was added meanwhile is handed out again. */
  done(key: string): void {
    this.#processing.delete(key);
    if (this.#again.delete(key)) this.add(key);
  }

  /** Hands out nothing more: waiting workers get `undefined`, all appointments are cancelled. */
  shutdown(): void {
    this.#closed = true;
    for (const { cancel } of this.#appointments.values()) cancel();
    this.#appointments.clear();
    this.#ready.clear();
    this.#again.clear();
    for (const taker of this.#takers.splice(0)) taker(undefined);
  }

  #serve(): void {
    while (this.#takers.length > 0) {
      const [key] = this.#ready;
      if (key === undefined) return;
      this.#ready.delete(key);
      this.#processing.set(key, this.#clock.monotonic());
      // The pass that starts now decides for itself when to look again.
      this.#appointments.get(key)?.cancel();
      this.#appointments.delete(key);
      this.#takers.shift()?.(key);
    }
  }
}
