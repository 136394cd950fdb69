/** A VMSnapshot as a schedule sees it. Pure. */
import { KEEP, type VMSnapshot } from '../../src/api/index.ts';
import { minutes } from '../../src/lib/units.ts';
import type { Readable } from '../../src/runtime/controller.ts';
import { isReleased } from '../shared/objects/released.ts';
import type { Snapshot } from './model.ts';

/** A VMSnapshot that waits for something else, such as a backup, lets others go first after this. */
export const HOLDS_FOR = minutes(15);

export function snapshotOf({ metadata, spec, status }: Readable<VMSnapshot>, now: number): Snapshot {
  const state = stateOf({ metadata, status });
  const createdAt = epoch(metadata.creationTimestamp, now);
  const since = state === 'deleting' ? epoch(metadata.deletionTimestamp, now) : createdAt;
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    vm: spec.vmRef?.name ?? '',
    state,
    ...holding({ metadata, status }, state, Math.abs(now - since)),
    takenAt: epoch(status?.creationTime, createdAt),
    kept: metadata.annotations[KEEP] === 'true' || isInUse({ spec, status }),
    claimed: status?.snapshotName !== undefined,
  };
}

/** @param forMs since it was created, or its deletion was asked for; the clock may have been set back or ahead since */
function holding(
  { metadata, status }: Pick<Readable<VMSnapshot>, 'metadata' | 'status'>,
  state: Snapshot['state'],
  forMs: number,
): Pick<Snapshot, 'holds' | 'neededByClones'> {
  const isBusy = (state === 'unfinished' || state === 'deleting') && !isReleased({ metadata });
  const neededByClones = state === 'deleting' && isNeeded(status);
  const waits = !neededByClones && forMs < HOLDS_FOR;
  return { holds: isBusy && (status?.task !== undefined || waits), neededByClones };
}

/** Ready, or it will not become ready by itself. */
export const isFinished = (snapshot: Pick<Readable<VMSnapshot>, 'metadata' | 'status'>): boolean =>
  stateOf(snapshot) !== 'unfinished';

function stateOf({ metadata, status }: Pick<Readable<VMSnapshot>, 'metadata' | 'status'>): Snapshot['state'] {
  if (metadata.deletionTimestamp !== undefined) return 'deleting';
  if (status?.readyToUse === true) return 'ready';
  const conditions = status?.conditions ?? [];
  if (conditions.some(({ type, reason }) => type === 'Ready' && reason === 'VMDeleted')) return 'vmDeleted';
  const isStalled = conditions.some(({ type, status: is }) => type === 'Stalled' && is === 'True');
  return isStalled ? 'failed' : 'unfinished';
}

/** A task works on it, or a revert to it was requested and has not ended. */
const isInUse = ({ spec, status }: Pick<Readable<VMSnapshot>, 'spec' | 'status'>): boolean =>
  status?.task !== undefined ||
  status?.internal?.revert !== undefined ||
  (spec.revert !== undefined && spec.revert.requestedAt !== status?.lastRevert?.requestedAt);

/** That may take as long as the clones exist, or the VM runs. */
const isNeeded = (status: Readable<VMSnapshot>['status']): boolean =>
  (status?.conditions ?? []).some(
    ({ type, reason }) => type === 'Reconciling' && (reason === 'InUse' || reason === 'SnapshotProtected'),
  );

function epoch(time: string | undefined, otherwise: number): number {
  const at = Date.parse(time ?? '');
  return Number.isNaN(at) ? otherwise : at;
}
