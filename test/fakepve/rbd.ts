/**
 * Snapshots of Ceph images that have clones (pve-storage, PVE/Storage/RBDPlugin.pm). Whoever clones a snapshot protects it
 * first, and only `rbd snap unprotect` takes that back, which Ceph refuses as long as there is a clone. No clone that is
 * removed does it.
 */
import { failure } from './errors.ts';
import type { Guest } from './guest.ts';
import type { Storage, Volume } from './storage.ts';
import type { TaskRun } from './tasks.ts';
import type { World } from './world.ts';

/** Of a base volume. */
export const BASE_SNAPSHOT = '__base__';

type Log = TaskRun['log'];

/** The image of a volume: clones of base volumes have the name of the base before their own. */
export const imageName = (name: string): string => name.split('/').at(-1) ?? name;

/** `rbd snap protect`, before a snapshot is cloned (clone_image). */
export function protectSnapshot(storage: Storage, volume: Volume, snapshot: string): void {
  if (storage.type === 'rbd') volume.protectedSnapshots?.add(snapshot);
}

/** `rbd snap unprotect` */
function unprotect(world: World, node: string, volume: Volume, snapshot: string, log: Log): void {
  const children = world.storage.children(volume, node, snapshot);
  if (children.length > 0) {
    const ids = children.map((child) => imageName(child.name)).join(',');
    log(
      `librbd::SnapshotUnprotectRequest: cannot unprotect: at least ${children.length} child(ren) [${ids}]`,
    );
    throw failure(
      `rbd unprotect ${imageName(volume.name)} snap '${snapshot}' error: rbd: unprotecting snap failed: (16) Device or resource busy`,
    );
  }
  volume.protectedSnapshots?.delete(snapshot);
}

interface Removal {
  readonly name: string;
  /** `scsi0` … */
  readonly drive: string;
  readonly log: Log;
}

/**
 * volume_snapshot_delete. Of a disk that a running guest uses, QEMU removes the snapshot, which takes no protection back
 * (qemu-server, qemu_volume_snapshot_delete; QEMU, block/rbd.c, qemu_rbd_snap_remove).
 */
export function removeSnapshot(
  world: World,
  guest: Guest,
  volume: Volume,
  { name, drive, log }: Removal,
): void {
  if (volume.protectedSnapshots?.has(name) !== true) return;
  const isUsed = guest.running !== undefined && guest.get(drive)?.split(',')[0] === volume.volid;
  if (isUsed && drive !== 'tpmstate0')
    throw failure(
      `VM ${guest.vmid} qmp command 'blockdev-snapshot-delete-internal-sync' failed - Failed to remove the snapshot: Device or resource busy`,
    );
  unprotect(world, guest.node, volume, name, log);
}

/** free_image: each protection has to be taken back first. */
export function freeImage(world: World, node: string, volume: Volume, log: Log): void {
  for (const snapshot of [...(volume.protectedSnapshots ?? [])])
    unprotect(world, node, volume, snapshot, log);
}
