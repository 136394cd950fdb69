/** Long work in slices, between which the event loop does what else is due. */
import { setImmediate as nextTurn } from 'node:timers/promises';

const SLICE_MS = 8;

export interface Slices {
  /** The slice is over: await `next` before going on. */
  isOver(): boolean;
  next(): Promise<void>;
}

export function createSlices(): Slices {
  let since = performance.now();
  return {
    isOver: () => performance.now() - since > SLICE_MS,
    async next() {
      await nextTurn();
      since = performance.now();
    },
  };
}

/** Runs work that yields wherever it may be interrupted. */
export async function inSlices<T>(work: Generator<void, T>): Promise<T> {
  const slices = createSlices();
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    if (slices.isOver()) await slices.next();
  }
}
