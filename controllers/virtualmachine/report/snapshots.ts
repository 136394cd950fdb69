/** `status.snapshots`: what Proxmox VE lists, whoever took it. Pure. */
import type { SnapshotRow } from '../../../src/pve/index.ts';
import type { VirtualMachineStatus } from '../../../src/api/index.ts';
import { omitUndefined } from '../../../src/lib/omit-undefined.ts';
import type { OwnerMark } from '../../shared/guests/owner-mark.ts';
import { parseIdentity } from '../../shared/guests/snapshot-identity.ts';
import type { Facts } from '../model/facts.ts';

type SnapshotStatus = Pick<VirtualMachineStatus, 'snapshots' | 'snapshotCount'>;
type Entry = NonNullable<VirtualMachineStatus['snapshots']>[number];

// Limits of the schema. A configuration that was edited by hand may have longer names than PVE accepts.
const MAX_LISTED = 32;
const MAX_NAME = 40;
const MAX_OBJECT_NAME = 253;

/** @param before kept where the guest has snapshots that were not read in this pass */
export function snapshotsOf({ want, have }: Facts, before: SnapshotStatus): SnapshotStatus {
  const { listedSnapshots: all } = have;
  if (!all) {
    const { snapshots: listed, snapshotCount } = before;
    return omitUndefined({ snapshots: listed, snapshotCount });
  }
  if (all.length === 0) return {};
  const newestFirst = all.toSorted(
    (a, b) => (b.takenAt ?? 0) - (a.takenAt ?? 0) || (a.name < b.name ? -1 : 1),
  );
  return {
    snapshots: newestFirst.slice(0, MAX_LISTED).map((row) => entryOf(row, want.owner, have.vmSnapshots)),
    snapshotCount: all.length,
  };
}

const entryOf = (row: SnapshotRow, owner: OwnerMark, existing: Facts['have']['vmSnapshots']): Entry => ({
  name: row.name.slice(0, MAX_NAME),
  ...omitUndefined({
    vmSnapshot: vmSnapshotOf(row, owner, existing),
    parent: row.parent?.slice(0, MAX_NAME),
  }),
  ...(row.takenAt !== undefined && { creationTime: new Date(row.takenAt).toISOString() }),
  memory: row.memory,
});

/**
 * A snapshot that others took, or that a former owner of the guest left, has none; nor has one whose VMSnapshot retained
 * it, even if another of that name exists by now.
 */
function vmSnapshotOf(
  { description }: SnapshotRow,
  owner: OwnerMark,
  existing: Facts['have']['vmSnapshots'] = [],
): string | undefined {
  const identity = parseIdentity(description);
  const isOurs =
    identity?.cluster === owner.cluster &&
    identity.namespace === owner.namespace &&
    existing.includes(identity.uid);
  return isOurs ? identity.name.slice(0, MAX_OBJECT_NAME) : undefined;
}
