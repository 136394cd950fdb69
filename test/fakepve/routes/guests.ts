import { checkLock } from '../call.ts';
import { causeOf, failure, forbidden, paramError } from '../errors.ts';
import { canClone } from '../clone-plan.ts';
import { clone } from '../clone.ts';
import { unlink, updateInTask, updateNow } from '../config-update.ts';
import { buildConfig, forgetGuest, purge, refuseTaken, reserve } from '../creation.ts';
import { drivesOf, isCdrom, isCloudInit, splitVolid } from '../drives.ts';
import { currentStatus, fullRow, listRow } from '../guest-view.ts';
import {
  checkBridges,
  checkDriveRight,
  checkDrives,
  checkHostDevices,
  checkImportForm,
  checkOptionRights,
  checkSerialRight,
} from '../option-rights.ts';
import { checkSshKeys, guestSettings } from '../options.ts';
import { mergedConfig, pendingRows, showConfig } from '../pending.ts';
import { start } from '../power.ts';
import { hasSnapshots, snapshotOf, snapshotVolumes } from '../snapshots.ts';
import { freeImage } from '../rbd.ts';
import { isBase } from '../storage.ts';
import { isDrive } from '../drives.ts';
import { checkTagRights } from '../tag-rights.ts';
import { renameToBase } from '../template.ts';
import type { Call, Routes } from '../call.ts';
import type { Guest } from '../guest.ts';
import type { Volume } from '../storage.ts';
import type { TaskRun } from '../tasks.ts';
import type { World } from '../world.ts';

const GUEST = '/nodes/{node}/qemu/{vmid}';

function list(call: Call): readonly object[] {
  const row = call.flag('full') === true ? fullRow : listRow;
  return [...call.world.guests.values()]
    .filter((guest) => guest.node === call.node && call.may(`/vms/${guest.vmid}`, 'VM.Audit'))
    .map((guest) => row(call.world, guest));
}

function checkCreate(call: Call, settings: Readonly<Record<string, string>>): void {
  const { vmid } = call;
  const pool = call.get('pool');
  if (settings['sshkeys'] !== undefined) checkSshKeys(settings['sshkeys']);
  if (pool !== undefined) call.needPool(pool);
  const mayAllocate =
    call.may(`/vms/${vmid}`, 'VM.Allocate') ||
    (pool !== undefined && call.may(`/pool/${pool}`, 'VM.Allocate'));
  if (!mayAllocate) throw forbidden();
  if (call.get('archive') !== undefined) throw failure('the fake cannot restore from an archive');
  checkDrives(call, vmid, settings);
  checkOptionRights(call, vmid, Object.keys(settings), pool);
  for (const [key, value] of Object.entries(settings))
    if (isDrive(key)) checkDriveRight(call, vmid, key, value, pool);
  if (settings['tags'] !== undefined) checkTagRights(call, vmid, undefined, settings['tags']);
  checkSerialRight(call, vmid, settings);
  checkHostDevices(call, vmid, settings);
  checkBridges(call, settings);
  checkImportForm(settings);
}

function create(call: Call): string {
  const { world, vmid, node } = call;
  const settings = guestSettings(call.params);
  checkCreate(call, settings);
  world.requireQuorum();
  refuseTaken(world, vmid, `unable to create VM ${vmid} -`);
  const guest = reserve(world, vmid, node, 'create');
  const pool = call.get('pool');
  return call.startLocked('qmcreate', vmid, async (run) => {
    try {
      await run.sleep(world.latency.qmcreate);
      const config = buildConfig({ world, node, vmid, log: run.log }, settings);
      guest.config = config;
      guest.written();
      if (guest.is('template')) renameToBase(world, guest);
      if (pool !== undefined) world.pools.get(pool)?.vms.add(vmid);
    } catch (error) {
      world.guests.delete(vmid);
      throw failure(`unable to create VM ${vmid} - ${causeOf(error)}`);
    }
    if (call.flag('start') !== true) return;
    run.log('Execute autostart');
    call.startLocked('qmstart', vmid, (later) => start(world, guest, later));
  });
}

function readConfig(call: Call): object {
  const { guest } = call;
  const name = call.get('snapshot');
  const current = call.flag('current') === true;
  if (name !== undefined && current) {
    const text = "cannot use 'snapshot' parameter with 'current'";
    throw paramError({ snapshot: text, current: text });
  }
  const own = current ? guest.config : mergedConfig(guest);
  const config = name === undefined ? own : snapshotOf(guest, name).config;
  return { ...showConfig(config), digest: guest.digest };
}

/** Base volumes cannot be removed while a linked clone uses them. */
function checkBases(world: World, guest: Guest): void {
  for (const drive of drivesOf(guest.config)) {
    const volume = world.storage.find(drive.file, guest.node);
    if (volume && isBase(volume.name) && world.storage.children(volume, guest.node).length > 0)
      throw failure(`base volume '${volume.volid}' is still in use by linked cloned`);
  }
}

/** What cannot be removed stays, and the guest is destroyed all the same (qemu-server, destroy_vm). */
function removeImage(world: World, node: string, volume: Volume, run: TaskRun): void {
  try {
    if (world.storage.get(volume.storage).type === 'rbd') freeImage(world, node, volume, run.log);
    world.storage.remove(volume.volid, node);
  } catch (error) {
    run.warn(`Could not remove disk '${volume.volid}', check manually: ${causeOf(error)}`);
  }
}

/** Without quorum the volumes of local storages are destroyed, although the guest stays. */
function destroyVolumes(call: Call, guest: Guest, run: TaskRun): void {
  const { world } = call;
  const everywhere = call.flag('destroy-unreferenced-disks') === true;
  const own = new Set([
    ...drivesOf(guest.config)
      .filter((drive) => !isCdrom(drive) || isCloudInit(drive))
      .map((drive) => drive.file),
    ...[...guest.config].filter(([key]) => /^(?:unused\d+|vmstate)$/.test(key)).map(([, volid]) => volid),
    ...[...guest.pending].filter(([key]) => isDrive(key)).map(([, value]) => value.split(',')[0] ?? ''),
    ...snapshotVolumes(guest),
    ...(everywhere ? world.storage.ofGuest(guest.vmid, guest.node).map((volume) => volume.volid) : []),
  ]);
  for (const volid of own) {
    const volume = world.storage.find(volid, guest.node);
    if (volume?.vmid !== guest.vmid) continue;
    if (!world.quorate && world.storage.get(volume.storage).shared)
      run.warn(
        `Could not remove disk '${volid}', check manually: cfs-lock 'storage-${volume.storage}' error: no quorum!`,
      );
    else removeImage(world, guest.node, volume, run);
  }
}

function destroy(call: Call): string {
  const { world, vmid } = call;
  call.refuseSkiplock();
  const { guest } = call;
  const purging = call.flag('purge') === true;
  const check = (): void => {
    if (guest.is('protection')) throw failure(`can't remove VM ${vmid} - protection mode enabled`);
    if (world.ha.managed(vmid) && !purging)
      throw failure(`unable to remove VM ${vmid} - used in HA resources and purge parameter not set.`);
    if (guest.running) throw failure(`VM ${vmid} is running - destroy failed`);
  };
  check();
  return call.startLocked('qmdestroy', vmid, async (run) => {
    const now = world.guest(guest.node, vmid);
    check();
    // A hibernated guest is deleted together with its state.
    if (now.get('lock') !== 'suspended') checkLock(now);
    checkBases(world, now);
    await run.sleep(world.latency.qmdestroy);
    destroyVolumes(call, now, run);
    world.requireWritable(now);
    if (purging) {
      run.log(`purging VM ${vmid} from related configurations..`);
      purge(world, vmid);
    }
    forgetGuest(world, now);
  });
}

function template(call: Call): string {
  const { world, guest, vmid } = call;
  checkLock(guest);
  if (guest.snapshots.size > 0) throw failure('unable to create template, because VM contains snapshots');
  if (guest.is('template')) throw failure("you can't convert a template to a template");
  if (guest.running) throw failure("you can't convert a VM to template if VM is running");
  return call.startLocked('qmtemplate', vmid, async (run) => {
    world.requireWritable(guest);
    await run.sleep(world.latency.qmtemplate);
    guest.config.set('template', '1');
    renameToBase(world, guest);
  });
}

function feature(call: Call): object {
  const { world, guest } = call;
  const name = call.text('feature');
  const snapname = call.get('snapname');
  const config = snapname === undefined ? guest.config : snapshotOf(guest, snapname).config;
  const disks = drivesOf(config).filter((drive) => !isCdrom(drive));
  const able =
    name === 'snapshot'
      ? hasSnapshots(world, guest, snapname)
      : disks.every((drive) => canClone(world, guest, drive, name === 'copy' ? 'copy' : 'clone', snapname));
  const nodes = [...world.nodes.keys()].filter((node) =>
    drivesOf(guest.config).every((drive) => {
      const parts = splitVolid(drive.file);
      if (!parts) return true;
      const storage = world.storage.get(parts.storage);
      return node === guest.node || (storage.shared && world.storage.isOn(storage, node));
    }),
  );
  return { hasFeature: able ? 1 : 0, nodes };
}

export const guestRoutes: Routes = {
  'GET /nodes/{node}/qemu': list,
  'POST /nodes/{node}/qemu': create,
  [`GET ${GUEST}`]: () =>
    [
      'config',
      'pending',
      'status',
      'snapshot',
      'agent',
      'clone',
      'migrate',
      'resize',
      'move_disk',
      'template',
      'feature',
      'cloudinit',
      'unlink',
    ].map((subdir) => ({ subdir })),
  [`DELETE ${GUEST}`]: destroy,
  [`GET ${GUEST}/config`]: readConfig,
  [`PUT ${GUEST}/config`]: updateNow,
  [`POST ${GUEST}/config`]: updateInTask,
  [`PUT ${GUEST}/unlink`]: unlink,
  [`GET ${GUEST}/pending`]: (call) => pendingRows(call.guest),
  [`GET ${GUEST}/status`]: () =>
    ['current', 'start', 'stop', 'reset', 'shutdown', 'suspend', 'reboot'].map((subdir) => ({ subdir })),
  [`GET ${GUEST}/status/current`]: (call) => currentStatus(call.world, call.guest),
  [`POST ${GUEST}/clone`]: clone,
  [`POST ${GUEST}/template`]: template,
  [`GET ${GUEST}/feature`]: feature,
};
