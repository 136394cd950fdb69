import { describe, expect, test } from '@jest/globals';
import {
  cephImages,
  childrenIn,
  clonesOf,
  clonesText,
  type LinkedClone,
} from '../../../../../controllers/shared/guests/linked-clones.ts';
import { vmid } from '../../../../../src/lib/units.ts';
import { aStorage } from '../../../../builders/views.ts';

const CEPH = aStorage('ceph', { type: 'rbd' });
const THIN = aStorage('thin', { type: 'lvmthin' });

const aClone = (change: Partial<LinkedClone> = {}): LinkedClone => ({
  volume: 'ceph:vm-201-disk-0',
  vmid: vmid(201),
  listed: true,
  ...change,
});

describe('the images of a guest that may have linked clones', () => {
  test('are those on Ceph: disks, EFI disk, TPM state, and unused disks, which snapshots may have', () => {
    const images = cephImages(
      {
        scsi0: 'ceph:vm-101-disk-0,size=8G',
        virtio1: 'thin:vm-101-disk-5,size=8G',
        efidisk0: 'ceph:vm-101-disk-1,size=528K',
        tpmstate0: 'ceph:vm-101-disk-2,size=4M',
        unused3: 'ceph:vm-101-disk-3',
        ide2: 'none,media=cdrom',
        net0: 'virtio=BC:24:11:00:00:01,bridge=vmbr0',
        description: 'ceph:vm-101-disk-9',
      },
      [CEPH, THIN],
    );
    expect([...images]).toEqual([
      ['ceph', ['vm-101-disk-0', 'vm-101-disk-1', 'vm-101-disk-2', 'vm-101-disk-3']],
    ]);
  });

  test('are known by their own names if they are clones themselves', () => {
    expect([...cephImages({ scsi0: 'ceph:base-900-disk-0/vm-101-disk-0' }, [CEPH])]).toEqual([
      ['ceph', ['vm-101-disk-0']],
    ]);
  });
});

describe('linked clones', () => {
  const children = childrenIn(
    [
      { volid: 'ceph:vm-101-disk-0', vmid: vmid(101) },
      { volid: 'ceph:vm-201-disk-0', vmid: vmid(201), parent: 'vm-101-disk-0@one' },
      { volid: 'ceph:vm-202-disk-0', vmid: vmid(202), parent: 'vm-101-disk-0@two' },
      { volid: 'ceph:vm-203-disk-0', vmid: vmid(203), parent: 'vm-101-disk-01@one' },
      { volid: 'ceph:base-900-disk-0/vm-204-disk-0', vmid: vmid(204), parent: 'base-900-disk-0@__base__' },
      { volid: 'dir:205/vm-205-disk-0.qcow2', vmid: vmid(205), parent: '../900/base-900-disk-0.qcow2' },
    ].map((volume) => ({
      ...{ content: 'images', format: 'raw', size: undefined, ctime: undefined, parent: undefined },
      ...volume,
    })),
    (number) => number !== 202,
  );

  test('are those of one snapshot of an image', () => {
    expect(clonesOf(['vm-101-disk-0'], 'one', children)).toEqual([aClone()]);
  });

  test('or those of all of them', () => {
    expect(
      clonesOf(['vm-101-disk-0', 'vm-101-disk-1'], undefined, children).map((each) => each.vmid),
    ).toEqual([201, 202]);
  });

  test('are named: their VirtualMachine where its reader may know it, and the volume where no guest is seen', () => {
    expect(
      clonesText([
        aClone({ vm: 'web-copy' }),
        aClone({ vm: 'web-copy', volume: 'ceph:vm-201-disk-1' }),
        aClone({ vmid: vmid(202) }),
        aClone({ vmid: vmid(203), volume: 'ceph:vm-203-disk-0', listed: false }),
      ]),
    ).toBe(
      'VM 201 (VirtualMachine web-copy), VM 202, volume ceph:vm-203-disk-0, whose VM the operator does not see',
    );
  });

  test('are counted where there are many', () => {
    const clones = Array.from({ length: 12 }, (_, i) => aClone({ vmid: vmid(201 + i) }));
    expect(clonesText(clones)).toBe('VM 201, VM 202, VM 203, VM 204, VM 205 and 7 more');
  });
});
