/**
 * How many clones run at a time: copies compete for the disks they read and write, and Proxmox VE itself locks a source
 * that runs. Nobody waits in here; who gets no turn comes back, and is told when one is free.
 */
import type { View } from '../../../src/pve/index.ts';
import { minutes, seconds, type Upid, type Vmid } from '../../../src/lib/units.ts';

export interface CloneRequest {
  readonly source: Vmid;
  /** The source is a VM that runs. */
  readonly running: boolean;
  readonly full: boolean;
  /** Where the disks are written, as `spaceKey` names it. */
  readonly storage: string;
}

export interface CloneSlots {
  /** Whether a turn is free for it, or taken by it already. Otherwise it is told when it may ask again. */
  isFree(uid: string, request: CloneRequest, view: View): boolean;
  /** Takes the turn, or says that there is none. */
  take(uid: string, request: CloneRequest, view: View): boolean;
  /** The clone is this task of Proxmox VE. */
  started(uid: string, upid: Upid): void;
  /** The clone has ended, was refused, or is not wanted any more. */
  end(uid: string): void;
}

export const MAX_FULL_CLONES = 2;
export const MAX_LINKED_CLONES = 16;

/** So long after its start a task is certainly in the list of those that run. */
const LISTED = seconds(20);
/** A turn without a task that nobody gave back; the request may still be under way. */
const FORGOTTEN = minutes(10);
/** A turn is kept so long for who was told that it is free. */
const KEPT = seconds(2);

interface Turn extends CloneRequest {
  readonly at: number;
  upid?: Upid;
}

/** @param wake asks a VM that waits for a turn to come back now */
export function createCloneSlots(now: () => number, wake: (uid: string) => void): CloneSlots {
  const turns = new Map<string, Turn>();
  const waiting = new Map<string, CloneRequest>();
  /** Told that a turn is free; it is kept for them, or whoever comes by would be served before who waited. */
  const called = new Map<string, CloneRequest & { readonly at: number }>();
  /** Tasks that are over although the last list still shows them. */
  const ended = new Set<Upid>();

  const isOver = ({ upid, at }: Turn, view: View): boolean =>
    upid === undefined
      ? now() - at > FORGOTTEN
      : view.takenAt - at > LISTED && !view.activeTasks.some((task) => task.upid === upid);

  function tidy(view: View): void {
    for (const [uid, turn] of turns) if (isOver(turn, view)) turns.delete(uid);
    for (const [uid, { at }] of called) if (now() - at > KEPT) called.delete(uid);
    const active = new Set(view.activeTasks.map(({ upid }) => upid));
    for (const upid of ended) if (!active.has(upid)) ended.delete(upid);
  }

  /** Clones of this source that somebody else began, or we before a restart: of what kind, nobody can tell. */
  function strangers(source: Vmid, view: View): number {
    const ours = [...turns.values()].filter((turn) => turn.source === source);
    const known = new Set(ours.map(({ upid }) => upid));
    const unknown = view.activeTasks.filter(
      ({ type, id, upid }) =>
        type === 'qmclone' && id === String(source) && !known.has(upid) && !ended.has(upid),
    );
    // The answer to a request of ours may still be on its way while its task is listed already.
    return Math.max(0, unknown.length - ours.filter(({ upid }) => upid === undefined).length);
  }

  function hasRoom(uid: string, request: CloneRequest, view: View): boolean {
    if (turns.has(uid)) return true;
    const kept = [...called].filter(([other]) => other !== uid).map(([, request]) => request);
    const others = [...turns.values(), ...kept];
    const unknown = strangers(request.source, view);
    if (request.running && unknown + others.filter(({ source }) => source === request.source).length > 0)
      return false;
    const alike = others.filter(({ full, storage }) => full === request.full && storage === request.storage);
    return alike.length + unknown < (request.full ? MAX_FULL_CLONES : MAX_LINKED_CLONES);
  }

  function wakeNext(mayAsk: (uid: string, request: CloneRequest) => boolean): void {
    for (const [uid, request] of waiting) {
      if (!mayAsk(uid, request)) continue;
      waiting.delete(uid);
      called.set(uid, { ...request, at: now() });
      wake(uid);
      return;
    }
  }

  function isFree(uid: string, request: CloneRequest, view: View): boolean {
    tidy(view);
    const free = hasRoom(uid, request, view);
    if (free) waiting.delete(uid);
    else {
      called.delete(uid);
      waiting.set(uid, request);
    }
    return free;
  }

  return {
    isFree,
    take(uid, request, view) {
      if (!isFree(uid, request, view)) return false;
      called.delete(uid);
      turns.set(uid, { ...request, at: now() });
      // More may be free than ended: clones that others began end without a word.
      wakeNext((other, wanted) => hasRoom(other, wanted, view));
      return true;
    },
    started(uid, upid) {
      const turn = turns.get(uid);
      if (turn) turn.upid = upid;
    },
    end(uid) {
      waiting.delete(uid);
      called.delete(uid);
      const turn = turns.get(uid);
      if (!turn) return;
      turns.delete(uid);
      if (turn.upid !== undefined) ended.add(turn.upid);
      wakeNext((_, { source, running, full, storage }) =>
        running ? source === turn.source : full === turn.full && storage === turn.storage,
      );
    },
  };
}
