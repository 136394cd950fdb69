import { checkLock } from '../call.ts';
import { allocate, formatOn } from '../disks.ts';
import { causeOf, failure, paramError } from '../errors.ts';
import { drivesOf, isCdrom, isCloudInit, printDrive, splitVolid } from '../drives.ts';
import { localResources, mappedResources, unmappedOn } from '../node-devices.ts';
import { renameInSnapshots, snapshotVolumes } from '../snapshots.ts';
import { keepsFiles } from '../storage.ts';
import type { Drive } from '../drives.ts';
import type { Call, Routes } from '../call.ts';
import { requestMigrations } from '../ha-manager.ts';
import { blockersOn, dependentsOf } from '../ha-rules.ts';
import type { Guest } from '../guest.ts';
import type { Volume } from '../storage.ts';
import type { TaskRun } from '../tasks.ts';
import type { World } from '../world.ts';

const MIGRATE = '/nodes/{node}/qemu/{vmid}/migrate';

interface LocalDrive {
  readonly drive: Drive;
  readonly volume: Volume;
}

/** Drives whose volume only exists on the current node; disks come first. */
function localDrives(world: World, guest: Guest): readonly LocalDrive[] {
  const found = drivesOf(guest.config).flatMap((drive) => {
    const storage = world.storage.storages.get(splitVolid(drive.file)?.storage ?? '');
    const volume = storage && !storage.shared ? world.storage.find(drive.file, guest.node) : undefined;
    return volume ? [{ drive, volume }] : [];
  });
  return [...found.filter(({ drive }) => !isCdrom(drive)), ...found.filter(({ drive }) => isCdrom(drive))];
}

const localVolumes = (world: World, guest: Guest): readonly Volume[] =>
  localDrives(world, guest).map(({ volume }) => volume);

function storagesMissing(world: World, guest: Guest, node: string): readonly string[] {
  const used = drivesOf(guest.config).map((drive) => splitVolid(drive.file)?.storage);
  return [...new Set(used)].filter(
    (id) => id !== undefined && !world.storage.isOn(world.storage.get(id), node),
  ) as string[];
}

function obstacles(world: World, guest: Guest, node: string): object {
  const ids = storagesMissing(world, guest, node);
  const unmapped = unmappedOn(world, guest, node);
  const blocking = world.ha.managed(guest.vmid) ? blockersOn(world, guest.vmid, node) : [];
  return {
    ...(ids.length > 0 ? { unavailable_storages: ids } : {}),
    ...(unmapped.length > 0 ? { 'unavailable-resources': unmapped } : {}),
    ...(blocking.length > 0 ? { 'blocking-ha-resources': blocking } : {}),
  };
}

function preconditions(call: Call): object {
  const { world, guest } = call;
  world.requireQuorum();
  checkLock(guest);
  const others = [...world.nodes.keys()].filter((node) => node !== guest.node);
  const reasons = others.map((node) => [node, obstacles(world, guest, node)] as const);
  return {
    running: guest.running ? 1 : 0,
    allowed_nodes: reasons.filter(([, found]) => Object.keys(found).length === 0).map(([node]) => node),
    // Nodes that are allowed stand here too, without a reason.
    not_allowed_nodes: Object.fromEntries(reasons),
    local_disks: localDrives(world, guest).map(({ drive, volume }) => ({
      volid: volume.volid,
      size: volume.size,
      drivename: drive.key,
      cdrom: isCdrom(drive) ? 1 : 0,
      is_attached: 1,
      is_cloudinit: isCloudInit(drive) ? 1 : 0,
      is_tpmstate: drive.key === 'tpmstate0' ? 1 : 0,
      is_unused: 0,
      is_vmstate: 0,
      replicate: 1,
      shared: 0,
    })),
    local_resources: localResources(guest),
    'mapped-resources': mappedResources(guest),
    'mapped-resource-info': {},
    'has-dbus-vmstate': 1,
    ...(world.ha.managed(guest.vmid) ? { 'dependent-ha-resources': dependentsOf(world, guest.vmid) } : {}),
  };
}

/** From `targetstorage`: one ID for all, pairs such as `a:b`, or `1` for the same everywhere. */
function storageMap(call: Call): (id: string) => string {
  const entries = (call.get('targetstorage') ?? '')
    .split(',')
    .filter((entry) => entry !== '' && entry !== '1');
  const pairs = new Map(
    entries.filter((entry) => entry.includes(':')).map((entry) => entry.split(':') as [string, string]),
  );
  const [all] = entries.filter((entry) => !entry.includes(':'));
  return (id) => pairs.get(id) ?? all ?? id;
}

/** On the same storage of the target node the volume keeps its name; on another storage it gets a new one. */
function copyVolume({ world }: Call, volume: Volume, to: { guest: Guest; node: string; id: string }): Volume {
  if (to.id === volume.storage) return world.storage.put(volume, to.node);
  const storage = world.storage.on(to.id, to.node);
  const made = allocate(
    { world, node: to.node, vmid: to.guest.vmid, log: () => undefined },
    {
      storage,
      size: volume.size,
      format: formatOn(storage, volume.format),
      kind:
        /-(state-.+?)(?:\.raw)?$/.exec(volume.name)?.[1] ??
        (volume.name.includes('cloudinit') ? 'cloudinit' : 'disk'),
      data: volume.data,
    },
  );
  for (const name of volume.snapshots) made.snapshots.add(name);
  return made;
}

/** Those that only snapshots have: their memory, and disks that were detached since. */
const inSnapshotsOnly = (world: World, guest: Guest): readonly Volume[] =>
  [...new Set(snapshotVolumes(guest))].flatMap((volid) => {
    const volume = world.storage.find(volid, guest.node);
    if (!volume || volume.vmid !== guest.vmid || world.storage.get(volume.storage).shared) return [];
    return drivesOf(guest.config).some(({ file }) => file === volid) ? [] : [volume];
  });

function moveVolumes(call: Call, guest: Guest, target: string): void {
  const { world } = call;
  const mapped = storageMap(call);
  for (const volume of [...localVolumes(world, guest), ...inSnapshotsOnly(world, guest)]) {
    const copied = copyVolume(call, volume, { guest, node: target, id: mapped(volume.storage) });
    world.storage.remove(volume.volid, guest.node);
    renameInSnapshots(guest, volume.volid, copied.volid);
    // A disk that is mirrored keeps the format that it was made with in its options.
    const made =
      guest.running && keepsFiles(world.storage.get(copied.storage)) ? { format: copied.format } : {};
    for (const drive of drivesOf(guest.config))
      if (drive.file === volume.volid) {
        const options = { ...drive.options, ...(isCdrom(drive) ? {} : made) };
        guest.config.set(drive.key, printDrive({ file: copied.volid, options }));
      }
  }
}

/** What keeps the volumes from moving. */
function checkLocal(call: Call, guest: Guest): void {
  const { world } = call;
  const blocking = drivesOf(guest.config).find((drive) => {
    const storage = world.storage.storages.get(splitVolid(drive.file)?.storage ?? '');
    return isCdrom(drive) && storage?.shared === false && !drive.file.includes('cloudinit');
  });
  if (blocking) throw failure(`can't migrate local disk '${blocking.file}': local cdrom image`);
  const volumes = localVolumes(world, guest);
  const clone = volumes.find(({ storage, parent }) => {
    // Thin LVM does not record the base of a clone.
    return parent !== undefined && world.storage.get(storage).type !== 'lvmthin';
  });
  if (clone)
    throw failure(
      `can't migrate '${clone.volid}' as it's a clone of '${clone.parent?.split('/').at(-1) ?? ''}'`,
    );
  const base = volumes.find((volume) => world.storage.children(volume, guest.node).length > 0);
  if (base) throw failure(`can't migrate local disk '${base.volid}': referenced by linked clone(s)`);
  if (guest.running && volumes.length > 0 && call.flag('with-local-disks') !== true)
    throw failure(`can't live migrate attached local disks without with-local-disks option`);
}

function checkTargetStorage(call: Call, target: string): void {
  if (call.get('targetstorage') === undefined) return;
  call.need(`/vms/${call.vmid}`, 'VM.Config.Disk');
  const mapped = storageMap(call);
  for (const { storage } of localVolumes(call.world, call.guest)) {
    const id = mapped(storage);
    call.need(`/storage/${id}`, 'Datastore.AllocateSpace');
    if (!call.world.storage.on(id, target).content.includes('images'))
      throw failure(`storage '${id}' on node '${target}' does not allow content type 'images'`);
  }
}

/** What keeps the devices from moving. */
function checkDevices(world: World, guest: Guest, target: string): void {
  const mapped = new Set(mappedResources(guest));
  const local = localResources(guest).filter((key) => !mapped.has(key));
  if (local.length > 0) throw failure(`can't migrate VM which uses local devices: ${local.join(', ')}`);
  if (guest.running && mapped.size > 0)
    throw failure(
      `can't live migrate running VM which uses following mapped devices: ${[...mapped].join(', ')}`,
    );
  const unmapped = unmappedOn(world, guest, target);
  if (unmapped.length > 0)
    throw failure(`can't migrate to '${target}': missing mapped devices ${unmapped.join(', ')}`);
}

function checkMigration(call: Call, guest: Guest, target: string): void {
  const { world } = call;
  checkLock(guest);
  if (guest.running && call.flag('online') !== true)
    throw failure("can't migrate running VM without --online");
  const [missing] = call.get('targetstorage') === undefined ? storagesMissing(world, guest, target) : [];
  if (missing !== undefined) throw failure(`storage '${missing}' is not available on node '${target}'`);
}

const TRANSFERS = 4;

/** The memory of a running guest is migrated too, and PVE logs the progress. */
async function transfer(world: World, guest: Guest, run: TaskRun): Promise<void> {
  const all = Number(guest.get('memory') ?? 512) / 1024;
  for (let part = 1; part <= TRANSFERS; part += 1) {
    await run.sleep(world.latency.qmigrate / TRANSFERS);
    const done = (all * part) / TRANSFERS;
    if (guest.running)
      run.log(
        `migration active, transferred ${done.toFixed(1)} GiB of ${all.toFixed(1)} GiB VM-state, 112.3 MiB/s`,
      );
  }
}

/** The exit status does not say why a migration was aborted, only the log does. */
function abort(reason: string, { log }: TaskRun): never {
  log(`ERROR: migration aborted (duration 00:00:00): ${reason}`);
  throw failure('migration aborted');
}

function reachTarget({ world }: Call, target: string, run: TaskRun): void {
  if (world.isOnline(target)) return;
  const ip = world.nodes.get(target)?.ip ?? '';
  run.log(`ssh: connect to host ${ip} port 22: No route to host`);
  abort(`Can't connect to destination address using public key`, run);
}

async function migrateInTask(call: Call, guest: Guest, target: string, run: TaskRun): Promise<void> {
  const { world } = call;
  run.log(
    `starting migration of VM ${guest.vmid} to node '${target}' (${world.nodes.get(target)?.ip ?? ''})`,
  );
  reachTarget(call, target, run);
  checkDevices(world, guest, target);
  try {
    checkLocal(call, guest);
  } catch (error) {
    abort(`Problem found while scanning volumes - ${causeOf(error)}`, run);
  }
  guest.config.set('lock', 'migrate');
  guest.written();
  try {
    await transfer(world, guest, run);
    moveVolumes(call, guest, target);
    guest.node = target;
  } finally {
    guest.config.delete('lock');
    guest.written();
  }
  run.log('migration finished successfully');
}

function refuseAffinity(world: World, vmid: number, target: string, { log }: TaskRun): void {
  const blockers = blockersOn(world, vmid, target);
  if (blockers.length === 0) return;
  log(`cannot migrate resource 'vm:${vmid}' to node '${target}':`);
  for (const { sid } of blockers)
    log(`- resource '${sid}' on target node '${target}' in negative affinity with resource 'vm:${vmid}'`);
  throw failure(`command 'ha-manager migrate vm:${vmid} ${target}' failed: exit code 2`);
}

function migrate(call: Call): string {
  const { world, vmid } = call;
  const target = call.text('target');
  if (target === call.node) throw paramError({ target: 'target is local node.' });
  world.requireQuorum();
  if (!world.nodes.has(target)) throw failure(`no such cluster node '${target}'`);
  call.refuseUnlessRoot('force', 'migration_type', 'migration_network');
  const { guest } = call;
  checkMigration(call, guest, target);
  checkTargetStorage(call, target);
  if (world.ha.managed(vmid)) {
    return call.start('hamigrate', vmid, async (run) => {
      run.log(`Requesting HA migration for VM ${vmid} to node ${target}`);
      await run.sleep(world.latency.ha);
      refuseAffinity(world, vmid, target, run);
      requestMigrations(world, guest, target);
    });
  }
  return call.startLocked('qmigrate', vmid, (run) => migrateInTask(call, guest, target, run));
}

export const migrationRoutes: Routes = {
  [`GET ${MIGRATE}`]: preconditions,
  [`POST ${MIGRATE}`]: migrate,
};
