/** Sizes as storages allocate them: Proxmox VE rounds up what it is asked for. Pure. */
import { bytes, MiB, type Bytes } from '../../../src/lib/units.ts';

/** Images in files (pve-storage, Plugin.pm). */
const WHOLE_KIB: readonly number[] = [1024];

/** zvols (ZFSPoolPlugin.pm) and RBD images (RBDPlugin.pm). */
const WHOLE_MIB: readonly number[] = [MiB];

/** Extents of LVM: 4 MiB, unless the volume group was created with larger ones, which the API does not show. */
const EXTENTS: readonly number[] = [4, 8, 16, 32, 64, 128].map((count) => count * MiB);

const UNITS: Readonly<Record<string, readonly number[]>> = {
  lvm: EXTENTS,
  lvmthin: EXTENTS,
  zfspool: WHOLE_MIB,
  zfs: WHOLE_MIB,
  rbd: WHOLE_MIB,
};

const unitsOf = (storageType: string | undefined): readonly number[] => UNITS[storageType ?? ''] ?? WHOLE_KIB;

const roundedUp = (size: Bytes, unit: number): Bytes => bytes(Math.ceil(size / unit) * unit);

/** The size that a volume gets for which this one is asked. */
export const allocatedSize = (size: Bytes, storageType: string | undefined): Bytes =>
  roundedUp(size, unitsOf(storageType)[0] ?? 1);

/**
 * How a disk's size relates to the desired one, apart from rounding.
 *
 * @param now - in the configuration PVE keeps the size that was asked for, until it reads that of the volume after a
 * move or when the volume is attached (qemu-server, API2/Qemu.pm, create_disks, and QemuServer.pm, clone_disk)
 */
export function compareSizes(
  now: Bytes,
  desired: Bytes,
  storageType: string | undefined,
): 'equal' | 'smaller' | 'larger' {
  const difference = allocatedSize(now, storageType) - allocatedSize(desired, storageType);
  if (difference < 0) return 'smaller';
  const isRounded = unitsOf(storageType).some((unit) => roundedUp(desired, unit) === now);
  return difference === 0 || isRounded ? 'equal' : 'larger';
}
