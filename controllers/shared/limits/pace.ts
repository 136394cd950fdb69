/** Spreads over time what many would do at the same moment: each gets a turn, so many a second. */
import { millis, type Millis } from '../../../src/lib/units.ts';

export interface Pace {
  /** How long until the turn of this one; 0: it is now, and used up. */
  until(who: string): Millis;
}

/** A turn that nobody came for is given up. */
const KEPT_MS = 60_000;

/** @param now epoch ms */
export function createPace(perSecond: number, now: () => number): Pace {
  /** In the order of the turns, epoch ms. */
  const turns = new Map<string, number>();
  let next = -Infinity;

  function forgetMissed(at: number): void {
    for (const [who, turn] of turns) {
      if (turn + KEPT_MS > at) return;
      turns.delete(who);
    }
  }

  return {
    until(who) {
      const at = now();
      forgetMissed(at);
      let turn = turns.get(who);
      if (turn === undefined) {
        turn = Math.max(at, next);
        next = turn + 1000 / perSecond;
        turns.set(who, turn);
      }
      if (turn > at) return millis(Math.ceil(turn - at));
      turns.delete(who);
      return millis(0);
    },
  };
}
