/**
 * One leader among several processes, by a Lease that the leader keeps renewing. Whether another's lease has
 * run out is judged by how long *we* have seen it unchanged, on our own monotonic clock: the times written in
 * it come from another machine's clock and are for people.
 */
import type { Logger } from 'pino';
import { millis, minutes, seconds, type Millis } from '../lib/units.ts';
import { sleep, type Clock } from './clock.ts';
import { withDeadline } from './deadline.ts';

export interface LeaseRecord {
  /** Empty: released by its last holder. */
  readonly holder: string;
  readonly durationSeconds: number;
  readonly acquired: Date;
  readonly renewed: Date;
  readonly transitions: number;
}

/** A lease as read, with the version that an update must still find. */
export interface StoredLease {
  readonly record: LeaseRecord;
  readonly version: string;
}

/** `create` and `update` answer `undefined` when another process was faster; they reject when the answer is not known. */
export interface LeaseStore {
  get(signal: AbortSignal): Promise<StoredLease | undefined>;
  create(record: LeaseRecord, signal: AbortSignal): Promise<StoredLease | undefined>;
  update(version: string, record: LeaseRecord, signal: AbortSignal): Promise<StoredLease | undefined>;
}

export interface LeaderElectorOptions {
  readonly store: LeaseStore;
  /** Unique to this process: a restarted pod is another candidate. */
  readonly identity: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly timing?: LeaseTiming;
}

export interface LeaseTiming {
  /** How long others leave an unchanged lease alone. */
  readonly lease: Millis;
  /** How long a leader keeps trying to renew before it gives up; shorter than `lease`, so that it stops before another starts. */
  readonly renewDeadline: Millis;
  /** Between two tries. */
  readonly retryPeriod: Millis;
}

const TIMING: LeaseTiming = { lease: seconds(15), renewDeadline: seconds(10), retryPeriod: seconds(2) };

/** What others write is respected up to this: nobody would lead for as long as a Lease that says a year. */
const LONGEST_LEASE = minutes(5);

/** A request that hangs must leave time for another one before the deadline. */
const ONE_TRY = seconds(4);

export class LeaderElector {
  readonly #options: LeaderElectorOptions;
  readonly #timing: LeaseTiming;
  #seen: { readonly lease: StoredLease; readonly since: Millis } | undefined;
  #renewed = millis(0);
  #leading = false;

  constructor(options: LeaderElectorOptions) {
    this.#options = options;
    this.#timing = options.timing ?? TIMING;
  }

  get isLeader(): boolean {
    return this.#leading;
  }

  /** Resolves once this process leads, or with `false` when the signal is aborted before. */
  async acquire(signal: AbortSignal): Promise<boolean> {
    const { clock, log } = this.#options;
    let reported: string | undefined;
    while (!signal.aborted) {
      this.#leading = await this.#attempt(ONE_TRY, signal);
      if (this.#leading) return true;
      const holder = this.#holder;
      if (holder !== undefined && holder !== reported)
        log.info({ holder }, `standing by: waiting for the Lease, which ${holder || 'nobody'} holds`);
      reported = holder;
      await sleep(clock, this.#timing.retryPeriod, signal);
    }
    return false;
  }

  /** Renews until the signal is aborted (`stopped`), or until the lease could not be renewed in time (`lost`). */
  async hold(signal: AbortSignal): Promise<'stopped' | 'lost'> {
    const { clock, log } = this.#options;
    for (;;) {
      await sleep(clock, atMost(this.#timing.retryPeriod, this.#timeLeft), signal);
      if (signal.aborted) return 'stopped';
      if ((await this.#attempt(atMost(ONE_TRY, this.#timeLeft), signal)) || this.#mayGoOn()) continue;
      this.#leading = false;
      log.error({ holder: this.#holder }, 'leadership lost');
      return 'lost';
    }
  }

  /** Gives the lease back, so that another need not wait for it to run out. */
  async release(): Promise<void> {
    const { clock, store, log } = this.#options;
    if (!this.#leading || this.#seen?.lease.record.holder !== this.#options.identity) return;
    this.#leading = false;
    const { lease } = this.#seen;
    const now = clock.now();
    try {
      await this.#bounded(this.#timing.retryPeriod, undefined, (bound) =>
        store.update(
          lease.version,
          { ...lease.record, holder: '', durationSeconds: 1, acquired: now, renewed: now },
          bound,
        ),
      );
    } catch (error) {
      log.warn({ err: error }, 'the lease could not be released; it expires');
    }
  }

  get #holder(): string | undefined {
    return this.#seen?.lease.record.holder;
  }

  get #timeLeft(): Millis {
    return millis(this.#renewed + this.#timing.renewDeadline - this.#options.clock.monotonic());
  }

  #mayGoOn(): boolean {
    return this.#holder === this.#options.identity && this.#timeLeft > 0;
  }

  async #attempt(limit: Millis, signal: AbortSignal): Promise<boolean> {
    const begun = this.#options.clock.monotonic();
    try {
      const mine = await this.#bounded(limit, signal, (bound) => this.#acquireOrRenew(bound));
      if (mine) this.#renewed = begun; // the lease counts from when it was asked for, not from when the answer came
      return mine;
    } catch (error) {
      if (!signal.aborted) this.#options.log.warn({ err: error }, 'the lease could not be read or written');
      return false;
    }
  }

  async #acquireOrRenew(signal: AbortSignal): Promise<boolean> {
    const { store, identity, clock } = this.#options;
    const current = await store.get(signal);
    const now = clock.now();
    const mine = {
      holder: identity,
      durationSeconds: this.#timing.lease / seconds(1),
      acquired: now,
      renewed: now,
      transitions: 0,
    };
    if (!current) return this.#keep(await store.create(mine, signal));
    this.#observe(current);
    const { record, version } = current;
    if (record.holder === identity)
      return this.#keep(await store.update(version, { ...record, ...mine, ...continued(record) }, signal));
    if (!this.#isFree(record)) return false;
    return this.#keep(await store.update(version, { ...mine, transitions: record.transitions + 1 }, signal));
  }

  #keep(written: StoredLease | undefined): boolean {
    if (!written) return false;
    this.#observe(written);
    return true;
  }

  #observe(lease: StoredLease): void {
    if (this.#seen?.lease.version === lease.version) return;
    this.#seen = { lease, since: this.#options.clock.monotonic() };
  }

  #isFree(record: LeaseRecord): boolean {
    if (record.holder === '') return true;
    const unchanged = this.#options.clock.monotonic() - (this.#seen?.since ?? Infinity);
    return unchanged >= Math.min(seconds(record.durationSeconds), LONGEST_LEASE);
  }

  #bounded<T>(
    limit: Millis,
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { clock } = this.#options;
    return withDeadline({ clock, limit, signal, overdue: 'the API server did not answer in time' }, work);
  }
}

const continued = ({
  acquired,
  transitions,
}: LeaseRecord): Pick<LeaseRecord, 'acquired' | 'transitions'> => ({
  acquired,
  transitions,
});

const atMost = (a: Millis, b: Millis): Millis => millis(Math.max(0, Math.min(a, b)));
