/** What the VMSnapshots of a VM have to do with its guest, as the cache has them. Pure. */
import type { VirtualMachine, VMSnapshot } from '../../../src/api/index.ts';
import type { Readable } from '../../../src/runtime/controller.ts';
import { isReleased } from '../../shared/objects/released.ts';
import type { SnapshotFacts } from '../model/revert.ts';

export interface SnapshotPorts {
  /** The VMSnapshots that refer to this VirtualMachine. */
  readonly snapshotsOf: (namespace: string, name: string) => readonly Readable<VMSnapshot>[];
}

/**
 * Only those that have something to do with it, so that a VM with many snapshots is as cheap as one without. One that was
 * taken of an earlier VM of this name has nothing to do with this one.
 */
export function snapshotFacts(
  { metadata: { uid } }: Pick<VirtualMachine, 'metadata'>,
  snapshots: readonly Readable<VMSnapshot>[],
): readonly SnapshotFacts[] {
  return snapshots
    .filter(({ status }) => status?.internal?.vmUID === uid)
    .map(factsOf)
    .filter(({ task, revert, last }) => task !== undefined || revert !== undefined || last !== undefined)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function factsOf(snapshot: Readable<VMSnapshot>): SnapshotFacts {
  const { metadata, status: { task, internal: { vmid, revert } = {}, lastRevert } = {} } = snapshot;
  const works = !isReleased(snapshot);
  return {
    name: metadata.name,
    uid: metadata.uid,
    vmid,
    ...(works && task && { task: task.type }),
    ...(works && revert && { revert: { requestedAt: revert.requestedAt, state: revert.state } }),
    ...(lastRevert && {
      last: { requestedAt: lastRevert.requestedAt, result: lastRevert.result, at: lastRevert.at },
    }),
  };
}
