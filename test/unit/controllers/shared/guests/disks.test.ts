import { describe, expect, test } from '@jest/globals';
import { cloudInitDrives, rootDiskOf, volumesOf } from '../../../../../controllers/shared/guests/disks.ts';
import type { GuestConfig } from '../../../../../controllers/shared/guests/model.ts';
import { GiB, MiB } from '../../../../../src/lib/units.ts';

const CDROM = 'local:iso/x.iso,media=cdrom,size=1G';
const SEED = 'local-lvm:vm-101-cloudinit,media=cdrom,size=4M';
const DISK = 'local-lvm:vm-101-disk-0,size=10G';

describe('the root disk', () => {
  test.each<[string, GuestConfig, string | undefined]>([
    ['the first disk of the boot order', { boot: 'order=scsi1;scsi0', scsi0: DISK, scsi1: DISK }, 'scsi1'],
    [
      'behind NICs and CD-ROMs of the boot order',
      { boot: 'order=net0;ide2;virtio3', ide2: CDROM, virtio3: DISK },
      'virtio3',
    ],
    ['not a drive of the boot order that is gone', { boot: 'order=scsi5;sata1', sata1: DISK }, 'sata1'],
    ['the one of the old form', { boot: 'cdn', bootdisk: 'sata0', sata0: DISK, scsi0: DISK }, 'sata0'],
    ['the first of the usual ones where nothing says', { virtio0: DISK }, 'virtio0'],
    ['the usual one where the boot order is only the network', { boot: 'order=net0', scsi0: DISK }, 'scsi0'],
    ['never a CD-ROM', { boot: 'order=ide2', ide2: CDROM }, undefined],
    [
      'never the cloud-init drive',
      { boot: 'order=scsi0', scsi0: SEED.replace('media=cdrom,', '') },
      undefined,
    ],
    ['never an empty drive', { scsi0: 'none' }, undefined],
    ['never the disk of the firmware', { boot: 'order=efidisk0', efidisk0: DISK }, undefined],
  ])('is %s', (_what, config, key) => {
    expect(rootDiskOf(config)?.key).toBe(key);
  });

  test.each([
    ['1T', 1024 * GiB],
    ['512M', 512 * MiB],
    ['3584M', 3584 * MiB],
    ['10737418240', 10 * GiB],
  ])('1T-and-512M-sizes: of %s has its size in bytes', (size, expected) => {
    expect(rootDiskOf({ scsi0: `tank:vm-1-disk-0,iothread=1,size=${size}` })).toMatchObject({
      storage: 'tank',
      size: expected,
    });
  });

  test('may be of unknown size, on a storage with a dot', () => {
    expect(rootDiskOf({ scsi0: 'a.b:sub:vm-1-disk-0' })).toEqual({
      key: 'scsi0',
      storage: 'a.b',
      volume: 'a.b:sub:vm-1-disk-0',
      size: undefined,
    });
  });

  test('may be on no storage', () => {
    expect(rootDiskOf({ scsi0: '/dev/sdb' })).toMatchObject({ storage: undefined });
  });
});

test('volumes of a clone are disks, firmware and the cloud-init drive, but no images in a CD-ROM', () => {
  const config = {
    scsi0: DISK,
    efidisk0: 'nfs:9000/x.qcow2',
    tpmstate0: 'tpm:t',
    ide0: SEED,
    ide2: CDROM,
    sata0: 'none,media=cdrom',
    net0: 'virtio=x:y',
  };
  expect(
    volumesOf(config)
      .map(({ storage }) => storage)
      .toSorted(),
  ).toEqual(['local-lvm', 'local-lvm', 'nfs', 'tpm']);
});

test('cloud-init drives are found on any bus', () => {
  expect(
    cloudInitDrives({ ide2: SEED, scsi1: 'local:101/vm-101-cloudinit.qcow2', ide0: CDROM, scsi0: DISK }),
  ).toEqual(['ide2', 'scsi1']);
});
