/**
 * How many VMs are moved at a time: moves share the network of the nodes they leave and reach. Nobody waits in here;
 * who gets no turn comes back, and is told when one is free.
 */
import { minutes, type NodeName } from '../../../src/lib/units.ts';

export interface Route {
  readonly from: NodeName;
  readonly to: NodeName;
}

export interface MoveSlots {
  /** Whether a turn is free for it, or taken by it already. Otherwise it is told when it may ask again. */
  isFree(uid: string, route: Route): boolean;
  /** Takes the turn, or says that there is none, and tells when it may ask again. */
  take(uid: string, route: Route): boolean;
  /** It is under way, also where this process did not begin it. */
  hold(uid: string, route: Route): void;
  /** It has ended, or is not wanted any more. */
  end(uid: string): void;
}

/** From or to a node. */
export const MAX_MOVES = 2;

/** A move that nobody looked after for so long was forgotten: its VM is paused, say. */
const FORGOTTEN = minutes(10);

/** @param wake asks a VM that waits for a turn to come back now */
export function createMoveSlots(now: () => number, wake: (uid: string) => void): MoveSlots {
  const turns = new Map<string, Route & { readonly at: number }>();
  const waiting = new Set<string>();

  const busy = (uid: string, node: NodeName): number =>
    [...turns].filter(
      ([other, { from, to, at }]) =>
        other !== uid && (from === node || to === node) && now() - at <= FORGOTTEN,
    ).length;

  const hasRoom = (uid: string, { from, to }: Route): boolean =>
    turns.has(uid) || (busy(uid, from) < MAX_MOVES && busy(uid, to) < MAX_MOVES);

  function isFree(uid: string, route: Route): boolean {
    const free = hasRoom(uid, route);
    if (free) waiting.delete(uid);
    else waiting.add(uid);
    return free;
  }

  return {
    isFree,
    take(uid, route) {
      const free = isFree(uid, route);
      if (free) turns.set(uid, { ...route, at: now() });
      return free;
    },
    hold: (uid, route) => void turns.set(uid, { ...route, at: now() }),
    end(uid) {
      waiting.delete(uid);
      if (!turns.delete(uid)) return;
      // Which of them the free turn is for depends on their nodes: those that it is not for wait on.
      const asked = [...waiting];
      waiting.clear();
      asked.forEach(wake);
    },
  };
}
