/** Limits concurrent calls per lane: urgent ones first, then first come, first served. */

export interface Waiting {
  readonly signal?: AbortSignal | undefined;
  /** It goes before those that are not. */
  readonly urgent?: boolean | undefined;
}

export interface Limiter {
  /** Waits for a slot in the lane and runs the task. Rejects with the signal's reason if the signal fires while waiting. */
  run<T>(lane: string, task: () => Promise<T>, waiting?: Waiting): Promise<T>;
}

interface Lane {
  running: number;
  readonly urgent: Set<() => void>;
  readonly waiting: Set<() => void>;
}

/** pveproxy and pvedaemon have three workers each: more concurrent calls would starve the web interface. */
export function createLimiter(perLane: number): Limiter {
  const lanes = new Map<string, Lane>();

  const laneOf = (name: string): Lane => {
    const known = lanes.get(name);
    if (known) return known;
    const lane: Lane = { running: 0, urgent: new Set(), waiting: new Set() };
    lanes.set(name, lane);
    return lane;
  };

  const waitForSlot = (lane: Lane, { signal, urgent = false }: Waiting): Promise<void> =>
    new Promise((resolve, reject) => {
      const queue = urgent ? lane.urgent : lane.waiting;
      const admit = (): void => {
        signal?.removeEventListener('abort', cancel);
        resolve();
      };
      const cancel = (): void => {
        queue.delete(admit);
        const reason: unknown = signal?.reason;
        reject(reason instanceof Error ? reason : new Error('The call was cancelled.', { cause: reason }));
      };
      queue.add(admit);
      signal?.addEventListener('abort', cancel, { once: true });
    });

  const release = (name: string, lane: Lane): void => {
    // A waiting task takes over the slot, so that a new task cannot overtake it.
    for (const queue of [lane.urgent, lane.waiting])
      for (const admit of queue) {
        queue.delete(admit);
        admit();
        return;
      }
    lane.running -= 1;
    if (lane.running === 0) lanes.delete(name);
  };

  return {
    async run(name, task, waiting = {}) {
      waiting.signal?.throwIfAborted();
      const lane = laneOf(name);
      if (lane.running < perLane) lane.running += 1;
      else await waitForSlot(lane, waiting);
      try {
        return await task();
      } finally {
        release(name, lane);
      }
    },
  };
}
