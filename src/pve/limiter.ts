/** At most so many at a time per lane, first come, first served. */

export interface Limiter {
  /** Waits for a turn in the lane, runs the task and passes its result on. Rejects with the signal's reason when it fires while waiting. */
  run<T>(lane: string, task: () => Promise<T>, signal?: AbortSignal): Promise<T>;
}

interface Lane {
  running: number;
  readonly waiting: Set<() => void>;
}

/** pveproxy and pvedaemon have three workers each: more at once would starve the web interface. */
export function createLimiter(perLane: number): Limiter {
  const lanes = new Map<string, Lane>();

  const laneOf = (name: string): Lane => {
    const known = lanes.get(name);
    if (known) return known;
    const lane: Lane = { running: 0, waiting: new Set() };
    lanes.set(name, lane);
    return lane;
  };

  const turn = (lane: Lane, signal: AbortSignal | undefined): Promise<void> =>
    new Promise((resolve, reject) => {
      const grant = (): void => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        lane.waiting.delete(grant);
        const reason: unknown = signal?.reason;
        reject(reason instanceof Error ? reason : new Error('The call was cancelled.', { cause: reason }));
      };
      lane.waiting.add(grant);
      signal?.addEventListener('abort', leave, { once: true });
    });

  const release = (name: string, lane: Lane): void => {
    // A waiting task takes over the place, so a newcomer cannot slip in between.
    for (const grant of lane.waiting) {
      lane.waiting.delete(grant);
      grant();
      return;
    }
    lane.running -= 1;
    if (lane.running === 0) lanes.delete(name);
  };

  return {
    async run(name, task, signal) {
      signal?.throwIfAborted();
      const lane = laneOf(name);
      if (lane.running < perLane) lane.running += 1;
      else await turn(lane, signal);
      try {
        return await task();
      } finally {
        release(name, lane);
      }
    },
  };
}
