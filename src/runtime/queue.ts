/**
 * The work queue of one controller, after client-go's: it holds keys and never objects. A key that is waiting is there
 * once, with all reasons for which it was added; a key that is being worked on is not given to a second worker; and a
 * key that is added meanwhile is delivered again as soon as its worker is done. Unlike client-go's it shares the workers
 * between groups of keys, so that passes that wait for one server do not hold up those that need another.
 */
import { millis, minutes, seconds, type Millis } from '../lib/units.ts';
import type { Cancel, Clock } from './clock.ts';
import { FairShares, type Path } from './fair-shares.ts';
import type { PassReason, Work } from './pass-reason.ts';

export interface QueueOptions {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly backoff?: { readonly first: Millis; readonly most: Millis };
  /** How many keys may be worked on at the same time; absent: as many as there are takers. */
  readonly workers?: number;
  /** The groups that a key belongs to, from the outermost inwards; absent: all keys are equal. */
  readonly groupsOf?: (key: string) => Path;
}

interface Processing {
  readonly since: Millis;
  readonly groups: Path;
}

interface Delayed {
  readonly due: Millis;
  readonly cancel: Cancel;
}

type Waiting = Map<string, Set<PassReason>>;

export class WorkQueue {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #backoff: { readonly first: Millis; readonly most: Millis };
  readonly #groupsOf: (key: string) => Path;
  /** Keys that wait for a worker; whose turn it is, the shares say. */
  readonly #ready: Waiting = new Map();
  readonly #shares: FairShares;
  readonly #processing = new Map<string, Processing>();
  /** Keys that were added while a worker had them. */
  readonly #again: Waiting = new Map();
  readonly #delayed = new Map<string, Delayed>();
  readonly #failures = new Map<string, number>();
  readonly #waiters: ((work: Work | undefined) => void)[] = [];
  #closed = false;

  constructor(options: QueueOptions) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#backoff = options.backoff ?? { first: seconds(1), most: minutes(5) };
    this.#shares = new FairShares(options.workers ?? Infinity);
    this.#groupsOf = options.groupsOf ?? (() => []);
  }

  /** Keys that wait for a worker. */
  get depth(): number {
    return this.#ready.size;
  }

  /** How long the oldest running key has been with its worker; 0 when none is. */
  get longestRunning(): Millis {
    const now = this.#clock.monotonic();
    return millis(Math.max(0, ...this.#processing.values().map(({ since }) => now - since)));
  }

  /** Asks for a pass over this key as soon as a worker is free. */
  add(key: string, reason: PassReason): void {
    this.#addAll(key, [reason]);
  }

  /** Asks for a pass after `delay`; of two requests for a key the earlier one stays. */
  addAfter(key: string, delay: Millis, reason: PassReason): void {
    if (this.#closed) return;
    if (delay <= 0) {
      this.add(key, reason);
      return;
    }
    const due = millis(this.#clock.monotonic() + delay);
    const earlier = this.#delayed.get(key);
    if (earlier && earlier.due <= due) return;
    earlier?.cancel();
    const cancel = this.#clock.after(delay, () => {
      this.#delayed.delete(key);
      this.add(key, reason);
    });
    this.#delayed.set(key, { due, cancel });
  }

  /** Asks for another try after a failure: each one in a row doubles the longest possible delay. Returns the delay chosen. */
  retry(key: string): Millis {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const ceiling = Math.min(this.#backoff.most, this.#backoff.first * 2 ** failures);
    const delay = millis(Math.ceil(this.#random() * ceiling)); // full jitter: what failed together does not return together
    this.addAfter(key, delay, 'retry');
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
  take(): Promise<Work | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#waiters.push(resolve);
      this.#serve();
    });
  }

  /** Gives the key back. If it was added meanwhile, it is delivered again. */
  done(key: string): void {
    const ended = this.#processing.get(key);
    if (!ended) return;
    this.#processing.delete(key);
    this.#shares.done(ended.groups);
    const reasons = this.#again.get(key);
    this.#again.delete(key);
    if (reasons) this.#addAll(key, reasons);
    else this.#serve();
  }

  /** Delivers nothing more: waiting workers get `undefined`, all delayed requests are cancelled. */
  shutdown(): void {
    this.#closed = true;
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    this.#ready.clear();
    this.#shares.clear();
    this.#again.clear();
    for (const waiter of this.#waiters.splice(0)) waiter(undefined);
  }

  #addAll(key: string, reasons: Iterable<PassReason>): void {
    if (this.#closed) return;
    const waiting = this.#processing.has(key) ? this.#again : this.#ready;
    const known = waiting.get(key);
    if (waiting === this.#ready && !known) this.#shares.add(this.#groupsOf(key), key);
    waiting.set(key, new Set([...(known ?? []), ...reasons])); // a key that is there keeps its place
    this.#serve();
  }

  #serve(): void {
    while (this.#waiters.length > 0) {
      const turn = this.#shares.take();
      if (!turn) return;
      const { work: key, path: groups } = turn;
      const reasons = this.#ready.get(key) ?? new Set();
      this.#ready.delete(key);
      this.#processing.set(key, { since: this.#clock.monotonic(), groups });
      // The pass that starts now decides for itself when the next one is due.
      this.#delayed.get(key)?.cancel();
      this.#delayed.delete(key);
      this.#waiters.shift()?.({ key, reasons });
    }
  }
}
