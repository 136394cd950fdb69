/** Devices of disks. A device is chosen once, recorded in status, and never assigned to a disk of another name. Pure. */
import { parseDisk } from '../../../src/pve/index.ts';
import { isDrive, rootDiskOf, unusedWith } from '../../shared/guests/disks.ts';
import { hasSerialOf } from './drive.ts';
import type { Bus, DesiredDisk, RecordedDisk } from '../model/disks.ts';
import type { Guest } from '../../shared/guests/model.ts';

export const ROOT = 'root';

/** The last device of each bus. The first is that of boot disks: PVE boots from it by default. */
export const LAST_DEVICE: Readonly<Record<Bus, number>> = { scsi: 30, virtio: 15, sata: 5 };

/** Where a disk is. */
export type Place =
  /** Attached: a drive has its volume or its serial number. */
  | { readonly is: 'here'; readonly device: string; readonly text: string }
  /** Detached at the next start. */
  | { readonly is: 'leaving'; readonly device: string; readonly text: string }
  /** Not created yet. */
  | { readonly is: 'unmade'; readonly device: string }
  /** Created, and then detached or replaced in Proxmox VE. */
  | { readonly is: 'gone'; readonly device: string; readonly instead: string | undefined };

type Drive = readonly [device: string, text: string];

/** The guest's drives after its next start, without CD-ROMs and the boot disk. */
export function dataDrives({ config }: Pick<Guest, 'config'>): Drive[] {
  const root = rootDiskOf(config)?.key;
  return Object.entries(config).filter(([key, text]) => {
    if (!isDrive(key) || key === root) return false;
    const { cdrom, cloudInit } = parseDisk(text);
    return !cdrom && !cloudInit;
  });
}

const volumeOf = (text: string): string => parseDisk(text).volume;

/**
 * Finds the drive of a disk: first on its own device, then by volume, then by serial number. Drives that are recorded
 * under another name are skipped.
 */
function find(
  { name, device, volume }: Partial<RecordedDisk> & Pick<RecordedDisk, 'name'>,
  recorded: readonly RecordedDisk[],
  guest: Guest,
): Drive | undefined {
  const others = new Set(recorded.flatMap((disk) => (disk.name === name ? [] : [disk.volume])));
  const drives = dataDrives(guest).filter(([, text]) => !others.has(volumeOf(text)));
  const isVolume = (text: string): boolean => volume !== undefined && volumeOf(text) === volume;
  const isNamed = (text: string): boolean => hasSerialOf(text, name);
  return (
    drives.find(([key, text]) => key === device && (isVolume(text) || isNamed(text))) ??
    drives.find(([, text]) => isVolume(text)) ??
    drives.find(([, text]) => isNamed(text))
  );
}

function pendingRemoval({ pending }: Guest, { device, volume, name }: RecordedDisk): string | undefined {
  const row = pending.find(({ key }) => key === device);
  if (row?.current === undefined || row.pending !== undefined) return undefined;
  return volumeOf(row.current) === volume || hasSerialOf(row.current, name) ? row.current : undefined;
}

/** Finds a recorded disk. */
export function placeOf(disk: RecordedDisk, recorded: readonly RecordedDisk[], guest: Guest): Place {
  const found = find(disk, recorded, guest);
  if (found) return { is: 'here', device: found[0], text: found[1] };
  const { device, volume } = disk;
  const going = pendingRemoval(guest, disk);
  if (going !== undefined) return { is: 'leaving', device, text: going };
  return volume === undefined
    ? { is: 'unmade', device }
    : { is: 'gone', device, instead: guest.config[device] };
}

/** Devices in use now or until the next start. */
const inUse = ({ config, pending }: Guest): ReadonlySet<string> =>
  new Set([...Object.keys(config), ...pending.map(({ key }) => key)]);

/**
 * Assigns a device to every disk of the spec. A disk that is recorded, or found by its serial number, keeps its device;
 * a new one gets the lowest free device of its bus.
 */
export function assignSlots(
  disks: readonly Pick<DesiredDisk, 'name' | 'bus'>[],
  recorded: readonly RecordedDisk[],
  guest: Guest,
  isApplied: (name: string) => boolean,
): readonly RecordedDisk[] {
  const used = new Set([...inUse(guest), ...recorded.map(({ device }) => device)]);
  const lowestFree = (bus: Bus): string | undefined => {
    for (let n = 1; n <= LAST_DEVICE[bus]; n += 1) if (!used.has(`${bus}${n}`)) return `${bus}${n}`;
    return undefined;
  };
  return disks.flatMap(({ name, bus = 'scsi' }): RecordedDisk[] => {
    const before = recorded.find((disk) => disk.name === name);
    const claimed = find({ ...before, name }, recorded, guest);
    if (claimed) return [{ ...before, name, device: claimed[0], volume: volumeOf(claimed[1]) }];
    if (before && isSlotUsable(before, guest, isApplied(name))) return [before];
    const device = lowestFree(bus);
    if (device === undefined) return [];
    used.add(device);
    return [{ ...before, name, device }];
  });
}

/**
 * A device on which no disk was created yet is released if another drive uses it now. So is that of a disk which is to be
 * attached again, as after a revert to a snapshot in which the device was another disk's.
 */
function isSlotUsable({ device, volume }: RecordedDisk, guest: Guest, isApplied: boolean): boolean {
  if (!inUse(guest).has(device)) return true;
  return volume !== undefined && (isApplied || unusedWith(guest.config, volume) === undefined);
}
