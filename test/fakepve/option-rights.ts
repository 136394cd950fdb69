import { failure, paramError } from './errors.ts';
import { isCdrom, isCloudInit, isDrive, newDisk, parseDrive, splitVolid } from './drives.ts';
import { optionProperties } from './guest.ts';
import type { Call } from './call.ts';
import type { Drive } from './drives.ts';

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

const rights: readonly (readonly [privileges: readonly string[], options: readonly string[]])[] = [
  [['VM.Config.CPU'], words('cores cpu cpulimit cpuunits numa smp sockets vcpus')],
  [['VM.Config.Memory'], words('allow-ksm balloon memory shares')],
  [['VM.Config.HWType'], words('acpi audio0 hotplug kvm machine rng0 scsihw smbios1 tablet vga watchdog')],
  [
    ['VM.Config.Options'],
    words(`agent autostart bios description keyboard localtime migrate_downtime migrate_speed name onboot ostype
      protection reboot startdate startup tdf template`),
  ],
  [['VM.PowerMgmt'], ['freeze']],
  [['VM.Config.Disk'], words('boot bootdisk vmstatestorage')],
  [
    ['VM.Config.Cloudinit', 'VM.Config.Network'],
    words('cicustom cipassword citype ciupgrade ciuser nameserver searchdomain sshkeys'),
  ],
];

const byOption = new Map(
  rights.flatMap(([names, options]) => options.map((option) => [option, names] as const)),
);

function rightsFor(option: string): readonly string[] | undefined {
  if (/^numa\d+$/.test(option)) return ['VM.Config.CPU'];
  if (/^net\d+$/.test(option)) return ['VM.Config.Network'];
  if (/^ipconfig\d+$/.test(option)) return ['VM.Config.Cloudinit', 'VM.Config.Network'];
  return byOption.get(option);
}

/** Options whose privilege depends on their value, and is checked together with the value. */
const dependsOnValue = (option: string): boolean =>
  isDrive(option) ||
  option === 'cdrom' ||
  option === 'tags' ||
  /^(?:unused|serial|usb|hostpci|virtiofs)\d+$/.test(option);

/** A privilege on the pool that the guest will be in is sufficient as well. */
function need(call: Call, pool: string | undefined, vmid: number, names: readonly string[]): void {
  if (pool !== undefined && names.some((name) => call.may(`/pool/${pool}`, name))) return;
  call.needAny(`/vms/${vmid}`, ...names);
}

/** Refuses options that the caller may not set or delete; some are reserved for root. */
export function checkOptionRights(call: Call, vmid: number, options: readonly string[], pool?: string): void {
  if (call.isRoot) return;
  for (const option of [...options].sort()) {
    if (dependsOnValue(option)) continue;
    const names = rightsFor(option);
    if (!names) throw failure(`only root can set '${option}' config`);
    need(call, pool, vmid, names);
    if (option === 'startup') call.need('/', 'Sys.Modify');
  }
}

/** Existing volumes: access depends on their owner. */
function checkVolumeAccess(call: Call, vmid: number, volid: string, drive?: Drive): void {
  const { world } = call;
  const parts = splitVolid(volid);
  if (!parts) {
    if (!call.isRoot)
      throw failure(
        'Only root can pass arbitrary filesystem paths. at /usr/share/perl5/PVE/Storage.pm line 651.',
      );
    return;
  }
  const storage = world.storage.get(parts.storage);
  const { type, vmid: owner } = world.storage.parseName(storage, parts.name);
  if (type === 'iso' || type === 'vztmpl') {
    call.needAny(`/storage/${storage.id}`, 'Datastore.AllocateSpace', 'Datastore.Audit');
    if (drive && !isCdrom(drive))
      throw paramError({ [drive.key]: "explicit 'media=cdrom' is required for iso images" });
  } else if (owner === vmid && type === 'images') {
    if (call.may(`/storage/${storage.id}`, 'Datastore.Allocate')) return;
    call.needAny(`/vms/${vmid}`, 'VM.Config.Disk');
  } else {
    call.need(`/storage/${storage.id}`, 'Datastore.Allocate');
  }
}

function checkImport(call: Call, vmid: number, drive: Drive): void {
  const source = drive.options['import-from'];
  if (source === undefined) return;
  const parts = splitVolid(source);
  if (!parts) {
    checkVolumeAccess(call, vmid, source);
    return;
  }
  const { world } = call;
  const parsed = world.storage.parseName(world.storage.get(parts.storage), parts.name);
  if (parsed.type !== 'images' && parsed.type !== 'import')
    throw paramError({
      [drive.key]: `${source} has wrong type '${parsed.type}' - needs to be 'images' or 'import'`,
    });
  if (parsed.vmid !== undefined) call.need(`/vms/${parsed.vmid}`, 'VM.Clone');
  else call.needAny(`/storage/${parts.storage}`, 'Datastore.AllocateSpace', 'Datastore.Audit');
}

function checkStorageAccess(call: Call, vmid: number, drive: Drive): void {
  const { world } = call;
  const cloudInit = /^[^/:\s]+:cloudinit$/.test(drive.file);
  const fresh = newDisk(drive.file);
  if (drive.file === 'none' || cloudInit) {
    if (cloudInit) world.storage.get(drive.file.split(':')[0] ?? '');
  } else if (drive.file === 'cdrom') {
    call.need('/', 'Sys.Console');
  } else if (fresh && !isCdrom(drive)) {
    call.need(`/storage/${fresh.storage}`, 'Datastore.AllocateSpace');
    const storage = world.storage.get(fresh.storage);
    if (!storage.content.includes('images'))
      throw paramError({ storage: `storage '${storage.id}' does not support vm images` });
  } else {
    checkVolumeAccess(call, vmid, drive.file, drive);
  }
  checkImport(call, vmid, drive);
}

/** Checks drives before anything is done with them: storages, sources and form. */
export function checkDrives(call: Call, vmid: number, settings: Readonly<Record<string, string>>): void {
  const drives = Object.entries(settings)
    .filter(([key]) => isDrive(key))
    .sort();
  for (const [key, value] of drives) checkStorageAccess(call, vmid, parseDrive(key, value));
}

/** An import requires `STORAGE:0`, since its size is that of its source. */
export function checkImportForm(settings: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(settings)) {
    if (!isDrive(key)) continue;
    const drive = parseDrive(key, value);
    const fresh = newDisk(drive.file);
    if (drive.options['import-from'] !== undefined && (!fresh || fresh.gib !== 0))
      throw paramError({
        [key]: "'import-from' requires special syntax - use <storage ID>:0,import-from=<source>",
      });
  }
}

/** The privilege to attach this drive to the guest. */
export function checkDriveRight(call: Call, vmid: number, key: string, value: string, pool?: string): void {
  if (call.isRoot) return;
  const drive = parseDrive(key, value);
  // A cloud-init drive is a CD drive as well.
  const names = [
    ...(isCloudInit(drive) ? ['VM.Config.Cloudinit'] : []),
    isCdrom(drive) || isCloudInit(drive) ? 'VM.Config.CDROM' : 'VM.Config.Disk',
  ];
  for (const name of names) need(call, pool, vmid, [name]);
}

/** Bridges belong to the zone `localnetwork`, vnets to their own; each of their VLANs has its own path. */
export function checkBridges(call: Call, settings: Readonly<Record<string, string>>): void {
  // The privilege exists since PVE 8.
  if (!call.world.access.privileges.has('SDN.Use')) return;
  for (const [key, value] of Object.entries(settings).sort()) {
    if (!/^net\d+$/.test(key)) continue;
    const { bridge, tag } = optionProperties(key, value);
    if (bridge === undefined) continue;
    const path = `/sdn/zones/${call.world.vnets.get(bridge) ?? 'localnetwork'}/${bridge}`;
    call.need(tag === undefined ? path : `${path}/${tag}`, 'SDN.Use');
  }
}

/** Serial ports that are sockets are hardware; real ones are reserved for root. */
export function checkSerialRight(
  call: Call,
  vmid: number,
  settings: Readonly<Record<string, string>>,
  verb: 'set' | 'modify' = 'set',
): void {
  if (call.isRoot) return;
  for (const [key, value] of Object.entries(settings)) {
    if (!/^serial\d+$/.test(key)) continue;
    if (value !== 'socket') throw failure(`only root can ${verb} '${key}' config for real devices`);
    call.need(`/vms/${vmid}`, 'VM.Config.HWType');
  }
}

/** Host devices require a mapping, unless root assigns them. */
export function checkHostDevices(call: Call, vmid: number, settings: Readonly<Record<string, string>>): void {
  if (call.isRoot) return;
  for (const [key, value] of Object.entries(settings))
    if (/^(?:hostpci|usb)\d+$/.test(key)) checkHostDevice(call, vmid, key, value);
}

function checkHostDevice(call: Call, vmid: number, key: string, value: string): void {
  const isUsb = key.startsWith('usb');
  const named = (name: string): string | undefined => new RegExp(`(?:^|,)${name}=([^,]+)`).exec(value)?.[1];
  const host = named('host') ?? /^[^,=]+/.exec(value.replace(/^[^,]*=.*$/, ''))?.[0];
  const mapping = named('mapping');
  if (host === undefined && mapping === undefined) throw failure(`either 'host' or 'mapping' must be set.`);
  if (mapping === undefined && !(isUsb && host === 'spice'))
    throw failure(`only root can set '${key}' config for ${isUsb ? 'real' : 'non-mapped'} devices`);
  call.need(`/vms/${vmid}`, 'VM.Config.HWType');
  if (mapping !== undefined) call.need(`/mapping/${isUsb ? 'usb' : 'pci'}/${mapping}`, 'Mapping.Use');
}
