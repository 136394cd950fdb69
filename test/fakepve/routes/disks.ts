import { checkLock, holding } from '../call.ts';
import { causeOf, failure, paramError } from '../errors.ts';
import {
  bootOrder,
  freeUnused,
  isCdrom,
  isCloudInit,
  isUnused,
  parseDrive,
  printBootOrder,
  printDrive,
  splitVolid,
} from '../drives.ts';
import { allocate, formatOn } from '../disks.ts';
import { destroyVolume, inSnapshot } from '../pending.ts';
import { renameToBase } from '../template.ts';
import { formatSize, parseSize, wholeKiB } from '../size.ts';
import { isOlder } from '../schema/versions.ts';
import { isChain } from '../volume-features.ts';
import type { Call, Routes } from '../call.ts';
import type { Drive } from '../drives.ts';
import type { Guest } from '../guest.ts';
import type { TaskRun } from '../tasks.ts';
import type { World } from '../world.ts';
import { allocated, type Storage, type Volume } from '../storage.ts';

const GUEST = '/nodes/{node}/qemu/{vmid}';

function diskOf(guest: Guest, key: string): Drive {
  const value = guest.get(key);
  if (value === undefined) throw failure(`disk '${key}' does not exist`);
  return parseDrive(key, value);
}

function checkDigest(call: Call, guest: Guest): void {
  const digest = call.get('digest');
  if (digest !== undefined && digest !== guest.digest)
    throw failure('checksum mismatch (file change by other user?)');
}

function volumeOf(call: Call, guest: Guest, drive: Drive): Volume {
  if (!splitVolid(drive.file)) throw failure(`unable to parse volume ID '${drive.file}'`);
  const volume = call.world.storage.find(drive.file, guest.node);
  if (!volume) throw failure(`volume '${drive.file}' does not exist`);
  return volume;
}

async function resizeDisk(call: Call, guest: Guest, run: TaskRun): Promise<void> {
  const { world } = call;
  checkDigest(call, guest);
  checkLock(guest);
  const key = call.text('disk');
  const drive = diskOf(guest, key);
  if (!splitVolid(drive.file)) throw failure(`unable to parse volume ID '${drive.file}'`);
  if (isCdrom(drive)) throw failure("you can't resize a cdrom");
  const volume = volumeOf(call, guest, drive);
  call.need(`/storage/${volume.storage}`, 'Datastore.AllocateSpace');
  const text = call.text('size');
  const given = parseSize(text.replace(/^\+/, '')) ?? 0;
  const size = wholeKiB(text.startsWith('+') ? volume.size + given : given);
  if (size < volume.size) throw failure('shrinking disks is not supported');
  if (size === volume.size) return;
  if (world.faults.isFull(volume.storage))
    throw failure(`storage '${volume.storage}': No space left on device`);
  await run.sleep(world.latency.resize);
  world.requireWritable(guest);
  if (!guest.running) run.log('Image resized.');
  volume.size = allocated(world.storage.get(volume.storage), size);
  guest.config.set(
    key,
    printDrive({ file: drive.file, options: { ...drive.options, size: formatSize(size) } }),
  );
  guest.written();
}

async function resize(call: Call): Promise<string | null> {
  call.refuseSkiplock();
  const { world } = call;
  const upid = call.startLocked('resize', call.vmid, async (run) =>
    resizeDisk(call, world.guest(call.node, call.vmid), run),
  );
  // Before PVE 8 it is no task: the request ends when the disk has its size.
  if (!isOlder(world.release(call.node), '8.0')) return upid;
  const task = await world.tasks.ended(upid);
  if (task?.exitstatus !== 'OK') throw failure(task?.exitstatus ?? 'resize failed');
  return null;
}

interface Move {
  readonly drive: Drive;
  readonly volume: Volume;
  readonly storage: Storage;
  readonly format: string;
  readonly remove: boolean;
}

/** The error text differs between endpoints. */
function assertUnchanged(call: Call, guest: Guest): void {
  const digest = call.get('digest');
  if (digest !== undefined && digest !== guest.digest)
    throw failure('detected modified configuration - file changed by other user? Try again.');
}

function checkSnapshots(world: World, volume: Volume, remove: boolean): void {
  if (remove) throw failure("you can't move a disk with snapshots and delete the source");
  // PVE refuses it; its words are not recorded.
  if (isChain(world.storage.get(volume.storage), volume.format))
    throw failure("you can't move a disk whose snapshots are a chain of volumes");
}

function planMove(call: Call, guest: Guest): Move {
  const { world } = call;
  const target = call.text('storage');
  const wanted = call.get('format');
  const remove = call.flag('delete') ?? false;
  checkLock(guest);
  assertUnchanged(call, guest);
  const drive = diskOf(guest, call.text('disk'));
  if (isCdrom(drive) && !isCloudInit(drive)) throw failure("you can't move a cdrom");
  const volume = volumeOf(call, guest, drive);
  if (volume.storage === target && (wanted === undefined || wanted === volume.format))
    throw failure("you can't move to the same storage with same format");
  const storage = world.storage.on(target, guest.node);
  if (!storage.content.includes('images'))
    throw paramError({ storage: `storage '${target}' does not support vm images` });
  if (inSnapshot(guest, volume.volid)) checkSnapshots(world, volume, remove);
  return { drive, volume, storage, format: formatOn(storage, wanted ?? volume.format), remove };
}

/** The copy is removed if the configuration cannot be written. */
function keepOnlyIfWritable(world: World, guest: Guest, made: Volume): void {
  try {
    world.requireWritable(guest);
  } catch (error) {
    world.storage.remove(made.volid, guest.node);
    throw failure(`storage migration failed: ${causeOf(error)}`);
  }
}

async function moveInTask(call: Call, guest: Guest, plan: Move, run: TaskRun): Promise<void> {
  const { world } = call;
  const { drive, volume, storage, format, remove } = plan;
  const { volid } = volume;
  run.log(
    `copying volume '${volid}' from current storage '${volume.storage}' to target storage '${storage.id}'`,
  );
  if (inSnapshot(guest, volid)) run.log('moving disk with snapshots, snapshots will not be moved!');
  if (guest.running && drive.key === 'tpmstate0')
    throw failure('storage migration failed: cannot move TPM state while VM is running');
  run.log(`create full clone of drive ${drive.key} (${volid})`);
  await run.sleep(world.latency.qmmove);
  const context = { world, node: guest.node, vmid: guest.vmid, log: run.log };
  const kind = isCloudInit(drive) ? 'cloudinit' : 'disk';
  const made = allocate(context, { storage, size: volume.size, format, kind, data: volume.data });
  run.log(`allocated target volume '${made.volid}'`);
  keepOnlyIfWritable(world, guest, made);
  if (guest.running) run.log(`drive mirror is starting for drive-${drive.key}`);
  const options = { ...drive.options, size: formatSize(made.size) };
  guest.config.set(drive.key, isUnused(drive.key) ? made.volid : printDrive({ file: made.volid, options }));
  if (remove) {
    run.log(`removing source volume '${volid}' after successful copy`);
    destroyVolume(world, guest, volid);
  } else {
    const slot = freeUnused(guest.config);
    guest.config.set(slot, volid);
    run.log(`adding source volume '${volid}' as '${slot}' to config`);
  }
  if (guest.is('template')) renameToBase(world, guest);
  guest.written();
}

function moveToStorage(call: Call): string {
  const { guest } = call;
  call.need(`/storage/${call.text('storage')}`, 'Datastore.AllocateSpace');
  planMove(call, guest);
  return call.startLocked('qmmove', call.vmid, async (run) =>
    moveInTask(call, guest, planMove(call, guest), run),
  );
}

function checkReassign(call: Call, guest: Guest, other: Guest, from: string, to: string): void {
  checkLock(guest);
  checkLock(other);
  if (guest.is('template') || other.is('template')) throw failure("Can't move disks from or to template VMs");
  const value = guest.get(from);
  if (value === undefined) throw failure(`Disk '${from}' for VM '${guest.vmid}' does not exist`);
  if (other.config.has(to)) throw failure(`Target disk key '${to}' is already in use for VM '${other.vmid}'`);
  const drive = parseDrive(from, value);
  if (isCdrom(drive) && !isCloudInit(drive)) throw failure("CD drive contents can't be moved to another VM");
  if (inSnapshot(guest, drive.file)) throw failure("Can't move disk used by a snapshot to another VM");
  if (guest.running && !isUnused(from))
    throw failure('Cannot move disk to another VM while the source VM is running - detach first');
  call.need(`/storage/${volumeOf(call, guest, drive).storage}`, 'Datastore.AllocateSpace');
}

function reassign(call: Call, guest: Guest, other: Guest, from: string, to: string, run: TaskRun): void {
  const { world } = call;
  const drive = diskOf(guest, from);
  const volume = volumeOf(call, guest, drive);
  const { vmid } = other;
  run.log(`reassign disk '${from}' from VM '${guest.vmid}' as '${to}' to VM '${vmid}'`);
  const context = { world, node: guest.node, vmid, log: run.log };
  const { size, format, data } = volume;
  const made = allocate(context, {
    storage: world.storage.get(volume.storage),
    size,
    format,
    kind: 'disk',
    data,
  });
  world.storage.remove(volume.volid, guest.node);
  const order = bootOrder(guest.config);
  if (order.includes(from)) {
    run.log(`removing disk '${from}' from boot order config`);
    guest.config.set('boot', printBootOrder(order.filter((key) => key !== from)));
  }
  run.log(`removing disk '${from}' from VM '${guest.vmid}' config`);
  guest.config.delete(from);
  guest.written();
  const value = isUnused(to) ? made.volid : printDrive({ file: made.volid, options: drive.options });
  run.log(`update VM ${vmid}: -${to} ${value}`);
  other.config.set(to, value);
  other.written();
}

function moveToGuest(call: Call): string {
  const { world, guest } = call;
  const vmid = Number(call.text('target-vmid'));
  const from = call.text('disk');
  const to = call.get('target-disk') ?? from;
  call.need(`/vms/${vmid}`, 'VM.Config.Disk');
  if (vmid === guest.vmid)
    throw paramError({ 'target-vmid': 'must be different than source VMID to reassign disk' });
  const other = world.guests.get(vmid);
  if (!other) throw failure(`could not find target VM ${vmid}`);
  if (other.node !== guest.node)
    throw failure(`Both VMs need to be on the same node (${guest.node} != ${other.node})`);
  checkReassign(call, guest, other, from, to);
  return call.startLocked('qmmove', `${guest.vmid}-${from}>${vmid}-${to}`, (run) =>
    holding(world, vmid, run, async () => {
      await run.sleep(world.latency.qmconfig);
      world.requireWritable(guest);
      reassign(call, guest, other, from, to, run);
    }),
  );
}

function move(call: Call): string {
  const toStorage = call.get('storage') !== undefined;
  const toGuest = call.get('target-vmid') !== undefined;
  if (toStorage === toGuest) {
    const text = toStorage
      ? "either set 'storage' or 'target-vmid', but not both"
      : "both 'storage' and 'target-vmid' missing, either needs to be set";
    throw paramError({ storage: text, 'target-vmid': text });
  }
  return toStorage ? moveToStorage(call) : moveToGuest(call);
}

export const diskRoutes: Routes = {
  [`PUT ${GUEST}/resize`]: resize,
  [`POST ${GUEST}/move_disk`]: move,
};
