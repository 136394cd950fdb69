/**
 * How many clones run at a time: copies compete for the disks they read and write, and Proxmox VE itself locks a source
 * that is running.
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

/** The request of a clone without a task may still be in flight. */
const FORGOTTEN_AFTER = minutes(10);

/** @param wake asks for a pass over a VM that waits for a slot */
export const createCloneSlots = (now: () => number, wake: (uid: string) => void): CloneSlots =>
  createSlots(
    { competesFor, foreignOperations: foreignClones, forgottenAfter: FORGOTTEN_AFTER },
    { now, wake },
  );

/** A running source is cloned once at a time; of a template there may be many clones. */
const competesFor = ({ source, running, full, storage }: CloneRequest): ReadonlyMap<string, number> =>
  new Map([
    [`${full ? 'full' : 'linked'} ${storage}`, full ? MAX_FULL_CLONES : MAX_LINKED_CLONES],
    [`source ${source}`, running ? 1 : Infinity],
  ]);

/** Clones of this source that were started by others, or by us before a restart. Their kind is not known. */
function foreignClones(
  { source }: CloneRequest,
  { activeTasks }: TaskList,
  ours: readonly Holder<CloneRequest>[],
): number {
  const known = ours.filter(({ request }) => request.source === source);
  const upids = new Set(known.map(({ upid }) => upid));
  const unknown = activeTasks.filter(
    ({ type, id, upid }) => type === 'qmclone' && id === String(source) && !upids.has(upid),
  );
  // The task of a request may be listed before its answer arrives.
  return Math.max(0, unknown.length - known.filter(({ upid }) => upid === undefined).length);
}
