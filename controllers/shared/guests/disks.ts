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

const BUS = /^(scsi|virtio|sata|ide)\d+$/;

/** The disk the guest boots from; where no order says so, the first there is. */
export function rootDiskOf(config: GuestConfig): RootDisk | undefined {
  const ordered = parseBootOrder(config['boot'] ?? '') ?? [];
  for (const key of [...ordered, config['bootdisk'] ?? '', 'scsi0', 'virtio0', 'sata0', 'ide0']) {
    const text = config[key];
    if (!BUS.test(key) || text === undefined) continue;
    const disk = parseDisk(text);
    if (disk.cdrom || disk.cloudInit || disk.volume === 'none') continue;
    return { key, storage: parseVolumeId(disk.volume)?.storage, volume: disk.volume, size: disk.size };
  }
  return undefined;
}

/** Every volume a clone would copy or link, with its size. */
export function disksOf(
  config: GuestConfig,
): { readonly storage: string; readonly size: Bytes | undefined; readonly isRoot: boolean }[] {
  const root = rootDiskOf(config)?.key;
  return Object.entries(config).flatMap(([key, text]) => {
    const [volume] = volumesOf({ [key]: text });
    return volume ? [{ storage: volume.storage, size: parseDisk(text).size, isRoot: key === root }] : [];
  });
}

/** Storages of the images that lie in CD drives. */
export const cdStoragesOf = (config: GuestConfig): string[] =>
  Object.entries(config)
    .filter(([key]) => BUS.test(key))
    .map(([, text]) => parseDisk(text))
    .filter((disk) => disk.cdrom && !disk.cloudInit)
    .flatMap((disk) => parseVolumeId(disk.volume)?.storage ?? []);

/** Every volume a clone would copy or link, with the storage it is on. */
export const volumesOf = (config: GuestConfig): { readonly storage: string; readonly volume: string }[] =>
  Object.entries(config)
    .filter(([key]) => BUS.test(key) || /^(efidisk|tpmstate)\d+$/.test(key))
    .map(([, text]) => parseDisk(text))
    .filter((disk) => !disk.cdrom || disk.cloudInit)
    .flatMap((disk) => parseVolumeId(disk.volume) ?? []);

/** Devices that carry PVE's own cloud-init drive. */
export const cloudInitDrives = (config: GuestConfig): string[] =>
  Object.entries(config)
    .filter(([key, text]) => BUS.test(key) && parseDisk(text).cloudInit)
    .map(([key]) => key);
