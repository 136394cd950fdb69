import { failure } from './errors.ts';
import { isCdrom, newDisk, parseDrive, printDrive, splitVolid } from './drives.ts';
import { GIB, MIB, formatSize, wholeKiB } from './size.ts';
import { BASE_SNAPSHOT } from './rbd.ts';
import { allocated, keepsFiles } from './storage.ts';
import type { Drive } from './drives.ts';
import type { Config } from './guest.ts';
import type { Storage, Volume } from './storage.ts';
import type { World } from './world.ts';

/** Where disks are created, and for which guest. */
export interface DiskContext {
  readonly world: World;
  readonly node: string;
  readonly vmid: number;
  readonly log: (line: string) => void;
}

interface Wanted {
  readonly storage: Storage;
  readonly size: number;
  readonly format: string;
  /** `disk`, `cloudinit` or `state-NAME`. */
  readonly kind: string;
  readonly parent?: Volume | undefined;
  /** The snapshot of the parent that is cloned; absent: the parent is a base volume. */
  readonly snapname?: string | undefined;
  readonly data?: Buffer | undefined;
}

/** For both types: PVE's images have the same size. */
const EFI_SIZE = 528 * 1024;
const TPM_SIZE = 4 * MIB;
const CLOUD_INIT_SIZE = 4 * MIB;

/** The requested format if the storage supports it, otherwise the default. */
export function formatOn(storage: Storage, wanted: string | undefined): string {
  if (storage.type === 'lvm' && storage.snapshotsAsVolumeChain) return wanted ?? 'qcow2';
  return keepsFiles(storage) ? (wanted ?? 'raw') : 'raw';
}

function freeName(context: DiskContext, storage: Storage, stem: 'vm' | 'base'): string {
  const taken = new Set(
    context.world.storage
      .ofGuest(context.vmid, context.node, storage)
      .map((volume) => /-disk-(\d+)/.exec(volume.name.split('/').at(-1) ?? '')?.[1]),
  );
  for (let i = 0; ; i += 1) if (!taken.has(String(i))) return `${stem}-${context.vmid}-disk-${i}`;
}

function volumeName(context: DiskContext, { storage, kind, format, parent, snapname }: Wanted): string {
  const base = kind === 'disk' ? freeName(context, storage, 'vm') : `vm-${context.vmid}-${kind}`;
  const named = keepsFiles(storage) || format === 'qcow2' ? `${base}.${format}` : base;
  const own = keepsFiles(storage) ? `${context.vmid}/${named}` : named;
  // Thin LVM does not name the base in its clones, and nobody names the volume that has the snapshot.
  return parent && snapname === undefined && storage.type !== 'lvmthin' ? `${parent.name}/${own}` : own;
}

/** Creates a volume; refuses if the storage is full. */
export function allocate(context: DiskContext, wanted: Wanted): Volume {
  const { world, node, vmid } = context;
  const { storage, format, parent } = wanted;
  if (world.faults.isFull(storage.id))
    throw failure(`unable to create image: storage '${storage.id}': No space left on device`);
  const name = volumeName(context, wanted);
  if (world.storage.find(`${storage.id}:${name}`, node))
    throw failure(`disk image '${world.storage.path(storage, name)}' already exists`);
  return world.storage.put(
    {
      volid: `${storage.id}:${name}`,
      storage: storage.id,
      name,
      content: 'images',
      format,
      size: allocated(storage, wanted.size),
      vmid,
      parent: parent?.name,
      parentSnapshot: parent && storage.type === 'rbd' ? (wanted.snapname ?? BASE_SNAPSHOT) : undefined,
      ctime: world.seconds(node),
      data: wanted.data,
      snapshots: new Set(),
      protectedSnapshots: new Set(),
    },
    node,
  );
}

const sized = (file: string, options: Drive['options'], size: number): Omit<Drive, 'key'> => {
  const { format: _format, 'import-from': _source, ...rest } = options;
  return { file, options: { ...rest, size: formatSize(size) } };
};

/** The size of the disk in an image file; qcow2 has it in its header. */
export function imageSize(volume: Volume): number {
  const data = volume.data;
  if (volume.content !== 'import' || !data || data.length < 32) return volume.size;
  return data.readUInt32BE(0) === 0x514649fb ? Number(data.readBigUInt64BE(24)) : volume.size;
}

function importDisk(context: DiskContext, drive: Drive, storage: Storage): Omit<Drive, 'key'> {
  const { world, node } = context;
  const source = drive.options['import-from'] ?? '';
  const volume = world.storage.find(source, node);
  const parts = splitVolid(source);
  if (!parts) throw failure(`unable to parse volume ID '${source}'`);
  const from = world.storage.on(parts.storage, node);
  if (!volume) throw failure(`failed to stat '${world.storage.path(from, parts.name)}'`);
  context.log(`create full clone of drive ${volume.content === 'import' ? '' : `${drive.key} `}(${source})`);
  const format = formatOn(storage, drive.options['format'] ?? volume.format);
  const made = allocate(context, {
    storage,
    size: imageSize(volume),
    format,
    kind: 'disk',
    data: volume.data,
  });
  context.log(`allocated target volume '${made.volid}'`);
  return sized(made.volid, drive.options, made.size);
}

function newSize(drive: Drive, gib: number): number {
  if (drive.key === 'efidisk0') return EFI_SIZE;
  return drive.key === 'tpmstate0' ? TPM_SIZE : Math.floor(gib * GIB);
}

function cloudInitDrive(context: DiskContext, drive: Drive, storage: Storage): Omit<Drive, 'key'> {
  const format = keepsFiles(storage) ? (drive.options['format'] ?? 'qcow2') : 'raw';
  const made = allocate(context, { storage, size: CLOUD_INIT_SIZE, format, kind: 'cloudinit' });
  const { format: _format, size: _size, ...rest } = drive.options;
  return { file: made.volid, options: { ...rest, media: 'cdrom' } };
}

function existing(context: DiskContext, drive: Drive): Omit<Drive, 'key'> {
  const { world, node } = context;
  const parts = splitVolid(drive.file);
  if (!parts) return drive;
  const storage = world.storage.on(parts.storage, node);
  world.storage.parseName(storage, parts.name);
  const volume = world.storage.find(drive.file, node);
  if (!volume) throw failure(`volume '${drive.file}' does not exist`);
  return sized(drive.file, drive.options, wholeKiB(volume.size));
}

/** The key of another cloud-init drive that is already attached. */
function attachedCloudInit(config: Config, besides: string): string | undefined {
  for (const [key, value] of config)
    if (key !== besides && /^(?:ide|sata|scsi)\d+$/.test(key) && /cloudinit/.test(value)) return key;
  return undefined;
}

function makeCloudInit(
  context: DiskContext,
  drive: Drive,
  storage: Storage,
  config: Config,
): Omit<Drive, 'key'> {
  const other = attachedCloudInit(config, drive.key);
  if (other !== undefined) throw failure(`${drive.key} - cloud-init drive is already attached at '${other}'`);
  return cloudInitDrive(context, drive, storage);
}

function makeDisk(context: DiskContext, drive: Drive, storage: Storage, gib: number): Omit<Drive, 'key'> {
  if (drive.options['import-from'] !== undefined) return importDisk(context, drive, storage);
  const format = formatOn(storage, drive.options['format']);
  const size = newSize(drive, gib);
  const made = allocate(context, { storage, size, format, kind: 'disk' });
  // The configuration has the size that was asked for, except for an EFI disk.
  return sized(made.volid, drive.options, drive.key === 'efidisk0' ? made.size : wholeKiB(size));
}

/** An existing volume; a cloud-init drive does not have its size in the configuration. */
function attach(context: DiskContext, drive: Drive): string {
  if (drive.file === 'none' || drive.file === 'cdrom' || drive.file.startsWith('/')) return printDrive(drive);
  const found = existing(context, drive);
  const bare = isCdrom(drive) && drive.file.includes('cloudinit');
  return printDrive(bare ? { file: drive.file, options: { media: 'cdrom' } } : found);
}

/** Creates what the value of a drive requests (a new disk, an import, a cloud-init drive); returns the value to store. */
export function realize(context: DiskContext, key: string, value: string, config: Config): string {
  const drive = parseDrive(key, value);
  const wanted = newDisk(drive.file);
  const cloudInit = /^([^/:\s]+):cloudinit$/.exec(drive.file)?.[1];
  const id = wanted?.storage ?? cloudInit;
  if (id === undefined) return attach(context, drive);
  const storage = context.world.storage.on(id, context.node);
  const made = wanted
    ? makeDisk(context, drive, storage, wanted.gib)
    : makeCloudInit(context, drive, storage, config);
  context.log(`${key}: successfully created disk '${printDrive(made)}'`);
  return printDrive(made);
}
