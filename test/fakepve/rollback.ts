/** Rolling back to snapshots (pve-guest-common, PVE/AbstractConfig.pm, snapshot_rollback). */
import { checkLock } from './call.ts';
import { failure } from './errors.ts';
import { drivesOf, freeUnused, isUnused } from './drives.ts';
import { powerOn } from './power.ts';
import { parseSize } from './size.ts';
import { bookkeeping, located, requireSnapshots, snapshotOf, snapshotted } from './snapshots.ts';
import { isChain, rollsBackToNewest } from './volume-features.ts';
import type { Drive } from './drives.ts';
import type { Config, Guest, Snapshot } from './guest.ts';
import type { TaskRun } from './tasks.ts';
import type { World } from './world.ts';

function checkDisk(world: World, guest: Guest, drive: Drive, name: string): void {
  const found = located(world, guest, drive);
  if (!found) throw failure(`volume '${drive.file}' does not exist`);
  const { volume, storage } = found;
  if (!rollsBackToNewest(storage, volume.format)) return;
  // ZFS names the volume with its storage, a chain without.
  const shown = isChain(storage, volume.format) ? volume.name : volume.volid;
  if (!volume.snapshots.has(name))
    throw failure(`can't rollback, snapshot '${name}' does not exist on '${shown}'`);
  if ([...volume.snapshots].at(-1) !== name)
    throw failure(`can't rollback, '${name}' is not most recent snapshot on '${shown}'`);
}

/** Disks that the snapshot does not have become unused, and those that it has no longer are. */
function keepReplaced(guest: Guest, back: Config): void {
  const used = new Set(drivesOf(back).map((drive) => drive.file));
  const replaced = snapshotted(guest.config).filter((drive) => !used.has(drive.file));
  for (const drive of replaced) back.set(freeUnused(back), drive.file);
  for (const [key, volid] of back) if (isUnused(key) && used.has(volid)) back.delete(key);
}

/** The configuration that the guest has after a rollback. */
function restored(world: World, guest: Guest, { name, config }: Snapshot): Config {
  const back: Config = new Map([...config].filter(([key]) => !bookkeeping.test(key)));
  // PVE keeps the description and the unused disks.
  for (const [key, value] of guest.config)
    if (/^unused\d+$/.test(key) || key === 'description') back.set(key, value);
  keepReplaced(guest, back);
  back.set('parent', name);
  if (config.has('vmgenid')) back.set('vmgenid', world.random.uuid());
  return back;
}

function unlock(guest: Guest): void {
  guest.config.delete('lock');
  guest.written();
}

function restoreDisks(world: World, guest: Guest, { name, config }: Snapshot): void {
  for (const drive of snapshotted(config)) {
    const found = located(world, guest, drive);
    if (!found) continue;
    requireSnapshots(world, found.storage, `rollback '${drive.file}@${name}'`);
    found.volume.size = parseSize(drive.options['size'] ?? '') ?? found.volume.size;
  }
}

export interface RollbackRequest {
  readonly name: string;
  readonly startAfter: boolean;
}

function checkRollback(world: World, guest: Guest, name: string): Snapshot {
  if (guest.is('template')) throw failure("you can't rollback if vm is a template");
  const snapshot = snapshotOf(guest, name);
  for (const drive of snapshotted(snapshot.config)) checkDisk(world, guest, drive, name);
  const snapstate = snapshot.config.get('snapstate');
  if (snapstate !== undefined)
    throw failure(`unable to rollback to incomplete snapshot (snapstate = ${snapstate})`);
  checkLock(guest);
  return snapshot;
}

/**
 * The work of the task: the guest is off afterwards, unless the snapshot has memory or a start was requested. A disk
 * that fails leaves it off, and locked.
 */
export async function rollBack(
  world: World,
  guest: Guest,
  { name, startAfter }: RollbackRequest,
  run: TaskRun,
): Promise<void> {
  const snapshot = checkRollback(world, guest, name);
  world.requireWritable(guest);
  guest.config.set('lock', 'rollback');
  guest.written();
  try {
    await run.sleep(world.latency.qmrollback);
  } catch (error) {
    if (!run.signal.aborted) unlock(guest);
    else guest.running = undefined;
    throw error;
  }
  guest.running = undefined;
  restoreDisks(world, guest, snapshot);
  guest.config = restored(world, guest, snapshot);
  guest.pending.clear();
  guest.pendingDelete.clear();
  guest.written();
  const withMemory = snapshot.config.has('vmstate');
  if (!withMemory && !startAfter) return;
  const running = powerOn(world, guest);
  if (withMemory) running.bootedAt = world.clock.now();
}
