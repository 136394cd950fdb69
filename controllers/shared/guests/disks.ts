/** The disks of a guest's configuration. Pure. */
import { parseBootOrder, parseDisk, parseVolumeId } from '../../../src/pve/index.ts';
import type { Bytes } from '../../../src/lib/units.ts';
import type { GuestConfig } from './model.ts';

export interface RootDisk {
  /** `scsi0`, `virtio0` … */
  readonly key: string;
  readonly storage: string | undefined;
  readonly volume: string;
  readonly size: Bytes | undefined;
}

/** `scsi1`, `virtio0` … */
export type DriveDevice = `${'scsi' | 'virtio' | 'sata' | 'ide'}${number}`;

const DRIVE = /^(scsi|virtio|sata|ide)\d+$/;

/** A disk or a CD drive of any bus. */
export const isDrive = (key: string): key is DriveDevice => DRIVE.test(key);

/** The drive that holds the volume. */
export const driveWith = (config: GuestConfig, volume: string): string | undefined =>
  Object.keys(config).find((key) => isDrive(key) && parseDisk(config[key] ?? '').volume === volume);

/** The key of the unused disk (`unused0` …) that holds the volume. */
export const unusedWith = (config: GuestConfig, volume: string): string | undefined =>
  Object.keys(config).find(
    (key) => /^unused\d+$/.test(key) && parseDisk(config[key] ?? '').volume === volume,
  );

/** The disk that the guest boots from; without a boot order the first disk. */
export function rootDiskOf(config: GuestConfig): RootDisk | undefined {
  const ordered = parseBootOrder(config['boot'] ?? '') ?? [];
  for (const key of [...ordered, config['bootdisk'] ?? '', 'scsi0', 'virtio0', 'sata0', 'ide0']) {
    const text = config[key];
    if (!isDrive(key) || text === undefined) continue;
    const disk = parseDisk(text);
    if (disk.cdrom || disk.cloudInit || disk.volume === 'none') continue;
    return { key, storage: parseVolumeId(disk.volume)?.storage, volume: disk.volume, size: disk.size };
  }
  return undefined;
}

/** The volumes that a clone copies or links, with their sizes. */
export function disksOf(
  config: GuestConfig,
): { readonly storage: string; readonly size: Bytes | undefined; readonly isRoot: boolean }[] {
  const root = rootDiskOf(config)?.key;
  return Object.entries(config).flatMap(([key, text]) => {
    const [volume] = volumesOf({ [key]: text });
    return volume ? [{ storage: volume.storage, size: parseDisk(text).size, isRoot: key === root }] : [];
  });
}

/** Storages of the images in CD drives. */
export const cdStoragesOf = (config: GuestConfig): string[] =>
  Object.entries(config)
    .filter(([key]) => isDrive(key))
    .map(([, text]) => parseDisk(text))
    .filter((disk) => disk.cdrom && !disk.cloudInit)
    .flatMap((disk) => parseVolumeId(disk.volume)?.storage ?? []);

/** The volumes that a clone copies or links, with their storages. */
export const volumesOf = (config: GuestConfig): { readonly storage: string; readonly volume: string }[] =>
  Object.entries(config)
    .filter(([key]) => isDrive(key) || /^(efidisk|tpmstate)\d+$/.test(key))
    .map(([, text]) => parseDisk(text))
    .filter((disk) => !disk.cdrom || disk.cloudInit)
    .flatMap((disk) => parseVolumeId(disk.volume) ?? []);

/** Devices of PVE's cloud-init drive. */
export const cloudInitDrives = (config: GuestConfig): string[] =>
  Object.entries(config)
    .filter(([key, text]) => isDrive(key) && parseDisk(text).cloudInit)
    .map(([key]) => key);
