/** Keeps passes over one object apart. */
import { millis, type Millis } from '../../src/lib/units.ts';

export interface PassGap {
  /** How long until the next pass over this object; 0: now, and the following one is a gap later. */
  until(uid: string): Millis;
}

/** @param now epoch ms */
export function createPassGap(gap: Millis, now: () => number): PassGap {
  /** In the order of the passes. */
  const passes = new Map<string, number>();
  return {
    until(uid) {
      const at = now();
      // Also those from before a clock was set back.
      for (const [each, last] of passes) if (Math.abs(at - last) >= gap) passes.delete(each);
      const last = passes.get(uid);
      if (last !== undefined) return millis(Math.ceil(gap - Math.abs(at - last)));
      passes.set(uid, at);
      return millis(0);
    },
  };
}
