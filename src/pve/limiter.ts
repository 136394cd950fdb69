/** Limits concurrent calls per lane: urgent ones first, then first come, first served. */
import type { Millis } from '../lib/units.ts';

export interface Waiting {
  readonly signal?: AbortSignal | undefined;
  /** It goes before those that are not. */
  readonly urgent?: boolean | undefined;
  /** Calls of one kind leave the last slot of a lane to others, so that a kind that hangs does not hold up all. */
  readonly kind?: string | undefined;
  /** How long it waits at most, and the error that it then ends with. */
  readonly limit?: { readonly after: Millis; readonly error: () => Error } | undefined;
}

export interface Limiter {
  /** Waits for a slot in the lane and runs the task. Rejects if the signal fires, or the limit ends, while it waits. */
  run<T>(lane: string, task: () => Promise<T>, waiting?: Waiting): Promise<T>;
}

interface Waiter {
  readonly kind: string | undefined;
  readonly admit: () => void;
}

interface Lane {
  running: number;
  readonly byKind: Map<string, number>;
  readonly urgent: Set<Waiter>;
  readonly waiting: Set<Waiter>;
}

const toError = (reason: unknown): Error =>
  reason instanceof Error ? reason : new Error('The call was cancelled.', { cause: reason });

/** pveproxy and pvedaemon have three workers each: more concurrent calls would starve the web interface. */
export function createLimiter(perLane: number): Limiter {
  const lanes = new Map<string, Lane>();
  const perKind = Math.max(1, perLane - 1);

  const laneOf = (name: string): Lane => {
    const known = lanes.get(name);
    if (known) return known;
    const lane: Lane = { running: 0, byKind: new Map(), urgent: new Set(), waiting: new Set() };
    lanes.set(name, lane);
    return lane;
  };

  const mayRun = ({ running, byKind }: Lane, kind: string | undefined): boolean =>
    running < perLane && (kind === undefined || (byKind.get(kind) ?? 0) < perKind);

  const occupy = (lane: Lane, kind: string | undefined, by: 1 | -1): void => {
    lane.running += by;
    if (kind !== undefined) lane.byKind.set(kind, (lane.byKind.get(kind) ?? 0) + by);
  };

  /** A waiting task gets its slot before a new task can take it. */
  const admitWaiting = (lane: Lane): void => {
    for (const queue of [lane.urgent, lane.waiting])
      for (const waiter of queue) {
        if (lane.running >= perLane) return;
        if (!mayRun(lane, waiter.kind)) continue;
        queue.delete(waiter);
        occupy(lane, waiter.kind, 1);
        waiter.admit();
      }
  };

  const waitForSlot = (lane: Lane, { signal, urgent = false, kind, limit }: Waiting): Promise<void> =>
    new Promise((resolve, reject) => {
      const queue = urgent ? lane.urgent : lane.waiting;
      const leave = (): void => {
        signal?.removeEventListener('abort', cancel);
        clearTimeout(timer);
      };
      const giveUp = (error: Error): void => {
        leave();
        queue.delete(waiter);
        reject(error);
      };
      const cancel = (): void => giveUp(toError(signal?.reason));
      const waiter: Waiter = {
        kind,
        admit() {
          leave();
          resolve();
        },
      };
      const timer = limit && setTimeout(() => giveUp(limit.error()), limit.after);
      queue.add(waiter);
      signal?.addEventListener('abort', cancel, { once: true });
    });

  const release = (name: string, lane: Lane, kind: string | undefined): void => {
    occupy(lane, kind, -1);
    admitWaiting(lane);
    if (lane.running === 0) lanes.delete(name);
  };

  return {
    async run(name, task, waiting = {}) {
      waiting.signal?.throwIfAborted();
      const { kind } = waiting;
      const lane = laneOf(name);
      if (mayRun(lane, kind)) occupy(lane, kind, 1);
      else await waitForSlot(lane, waiting);
      try {
        return await task();
      } finally {
        release(name, lane, kind);
      }
    },
  };
}
