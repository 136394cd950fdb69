/**
 * How many clones run at a time: copies compete for the disks they read and write, and Proxmox VE itself locks a source
 * that runs.
 */
import { minutes, type Vmid } from '../../../src/lib/units.ts';
import { createSlots, type Holder, type Slots, type TaskList } from './slots.ts';

export interface CloneRequest {
  readonly source: Vmid;
  /** The source is a VM that runs. */
  readonly running: boolean;
  readonly full: boolean;
  /** Where the disks are written, as `spaceKey` names it. */
  readonly storage: string;
}

export type CloneSlots = Slots<CloneRequest>;

export const MAX_FULL_CLONES = 2;
export const MAX_LINKED_CLONES = 16;

/** The request of a clone without a task may still be under way. */
const FORGOTTEN_AFTER = minutes(10);

/** @param wake asks a VM that waits for a slot to come back now */
export const createCloneSlots = (now: () => number, wake: (uid: string) => void): CloneSlots =>
  createSlots({ competesFor, strangers, forgottenAfter: FORGOTTEN_AFTER }, { now, wake });

/** A running source is cloned once at a time; of a template there may be many clones. */
const competesFor = ({ source, running, full, storage }: CloneRequest): ReadonlyMap<string, number> =>
  new Map([
    [`${full ? 'full' : 'linked'} ${storage}`, full ? MAX_FULL_CLONES : MAX_LINKED_CLONES],
    [`source ${source}`, running ? 1 : Infinity],
  ]);

/** Clones of this source that somebody else began, or we before a restart: of what kind, nobody can tell. */
function strangers(
  { source }: CloneRequest,
  { activeTasks }: TaskList,
  ours: readonly Holder<CloneRequest>[],
): number {
  const known = ours.filter(({ request }) => request.source === source);
  const upids = new Set(known.map(({ upid }) => upid));
  const unknown = activeTasks.filter(
    ({ type, id, upid }) => type === 'qmclone' && id === String(source) && !upids.has(upid),
  );
  // The answer to a request of ours may still be on its way while its task is listed already.
  return Math.max(0, unknown.length - known.filter(({ upid }) => upid === undefined).length);
}
