/** Deleting snapshots (pve-guest-common, PVE/AbstractConfig.pm, snapshot_delete). */
import { checkLock } from './call.ts';
import { failure } from './errors.ts';
import { located, requireSnapshots, snapshotOf, snapshotted } from './snapshots.ts';
import { keepUnused } from './pending.ts';
import { drivesOf } from './drives.ts';
import { removeSnapshot } from './rbd.ts';
import type { Drive } from './drives.ts';
import type { Guest, Snapshot } from './guest.ts';
import type { TaskRun } from './tasks.ts';
import type { World } from './world.ts';

/** Its children are attached to its parent. */
function relink(guest: Guest, name: string, parent: string | undefined): void {
  for (const config of [guest.config, ...[...guest.snapshots.values()].map((snapshot) => snapshot.config)]) {
    if (config.get('parent') !== name) continue;
    if (parent === undefined) config.delete('parent');
    else config.set('parent', parent);
  }
}

/** With `force` a disk that fails is only a line in the log. */
function deleteOfDisk(
  world: World,
  guest: Guest,
  drive: Drive,
  { name, log }: { readonly name: string; readonly log: TaskRun['log'] },
): void {
  const found = located(world, guest, drive);
  if (!found) return;
  requireSnapshots(world, found.storage, `delete snapshot '${drive.file}@${name}'`);
  if (found.storage.type === 'rbd')
    removeSnapshot(world, guest, found.volume, { name, drive: drive.key, log });
  found.volume.snapshots.delete(name);
}

/** What the snapshot has is removed piece by piece, so that a failure leaves what is left. */
function removePieces(world: World, guest: Guest, snapshot: Snapshot, force: boolean, run: TaskRun): void {
  const { name, config } = snapshot;
  const state = config.get('vmstate');
  if (state !== undefined) world.storage.remove(state, guest.node);
  config.delete('vmstate');
  for (const drive of snapshotted(config)) {
    try {
      deleteOfDisk(world, guest, drive, { name, log: run.log });
    } catch (error) {
      if (!force) throw error;
      run.log(error instanceof Error ? error.message.trim() : String(error));
    }
    if (!force) config.delete(drive.key);
  }
}

/** Disks that nothing else of the guest refers to stay with it as unused ones. */
function keepDisks(guest: Guest, disks: readonly Drive[]): void {
  const attached = new Set(drivesOf(guest.config).map((drive) => drive.file));
  for (const drive of disks) if (!attached.has(drive.file)) keepUnused(guest, drive);
}

/** The work of the task. After a failure in the middle the lock and the rest of the snapshot stay: `qm unlock` is next. */
export async function deleteSnapshot(
  world: World,
  guest: Guest,
  { name, force }: { readonly name: string; readonly force: boolean },
  run: TaskRun,
): Promise<void> {
  if (guest.is('template')) throw failure("you can't delete a snapshot if vm is a template");
  const snapshot = snapshotOf(guest, name);
  const { config } = snapshot;
  checkLock(guest);
  world.requireWritable(guest);
  const before = config.get('snapstate');
  guest.config.set('lock', 'snapshot-delete');
  config.set('snapstate', 'delete');
  guest.written();
  try {
    await run.sleep(world.latency.qmdelsnapshot);
  } catch (error) {
    if (!run.signal.aborted) takeBack(guest, snapshot, before);
    throw error;
  }
  const disks = snapshotted(config);
  removePieces(world, guest, snapshot, force, run);
  relink(guest, name, config.get('parent'));
  guest.snapshots.delete(name);
  keepDisks(guest, disks);
  guest.config.delete('lock');
  guest.written();
}

/** A fault that was asked for strikes before anything was deleted. */
function takeBack(guest: Guest, { config }: Snapshot, snapstate: string | undefined): void {
  if (snapstate === undefined) config.delete('snapstate');
  else config.set('snapstate', snapstate);
  guest.config.delete('lock');
  guest.written();
}
