import { setImmediate as nextTick } from 'node:timers/promises';

/** The time of the fake. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Resolves after `ms`, or rejects as soon as the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Advances by `ms` at once: sleepers that are due wake in order, and their work runs. */
  advance(ms: number): Promise<void>;
}

/** A sleep was aborted by its signal. */
export class Interrupted extends Error {
  constructor() {
    super('received interrupt');
  }
}

interface Sleeper {
  readonly due: number;
  readonly wake: () => void;
}

/** The longest delay of a Node timer. */
const MAX_MS = 2 ** 31 - 1;

abstract class AdvancingClock implements Clock {
  protected readonly sleepers = new Set<Sleeper>();

  abstract now(): number;
  protected abstract moveTo(time: number): void;
  /** Schedules the wake-up of a sleeper; returns a function that cancels it. */
  protected abstract arm(sleeper: Sleeper): () => void;

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) throw new Interrupted();
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const sleeper = { due: this.now() + Math.max(0, ms), wake: () => resolve(undefined) };
    const interrupt = (): void => reject(new Interrupted());
    this.sleepers.add(sleeper);
    const disarm = this.arm(sleeper);
    signal?.addEventListener('abort', interrupt, { once: true });
    try {
      await promise;
    } finally {
      this.sleepers.delete(sleeper);
      signal?.removeEventListener('abort', interrupt);
      disarm();
    }
  }

  async advance(ms: number): Promise<void> {
    const end = this.now() + ms;
    // Work in progress may be about to sleep.
    await nextTick();
    for (let next = this.first(end); next !== undefined; next = this.first(end)) {
      this.moveTo(Math.max(next.due, this.now()));
      this.sleepers.delete(next);
      next.wake();
      // It may sleep again within the same period.
      await nextTick();
    }
    this.moveTo(Math.max(end, this.now()));
  }

  private first(end: number): Sleeper | undefined {
    let first: Sleeper | undefined;
    for (const sleeper of this.sleepers)
      if (sleeper.due <= end && (first === undefined || sleeper.due < first.due)) first = sleeper;
    return first;
  }
}

/** The machine's time, which can be advanced. */
export class RunningClock extends AdvancingClock {
  private offset = 0;

  now(): number {
    return Date.now() + this.offset;
  }

  protected moveTo(time: number): void {
    this.offset = time - Date.now();
  }

  protected arm({ due, wake }: Sleeper): () => void {
    const timer = setTimeout(wake, Math.min(Math.max(0, due - this.now()), MAX_MS)).unref();
    return () => clearTimeout(timer);
  }
}

/** A clock that only moves when it is advanced: the same requests always have the same effects. */
export class ManualClock extends AdvancingClock {
  private time: number;

  /** @param start milliseconds since 1970 */
  constructor(start: number = Date.UTC(2026, 0, 1)) {
    super();
    this.time = start;
  }

  now(): number {
    return this.time;
  }

  protected moveTo(time: number): void {
    this.time = time;
  }

  /** A sleep without duration ends without advancing the clock. */
  protected arm({ due, wake }: Sleeper): () => void {
    if (due > this.time) return () => undefined;
    const immediate = setImmediate(wake);
    return () => clearImmediate(immediate);
  }
}
