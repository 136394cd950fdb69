import { describe, expect, test } from '@jest/globals';
import { obstacleOf } from '../../../../controllers/vmsnapshot/observe/obstacles.ts';
import { bytes, GiB, nodeName } from '../../../../src/lib/units.ts';
import type { StorageView } from '../../../../src/pve/index.ts';
import type { Guest } from '../../../../controllers/shared/guests/model.ts';
import { aGuest } from '../../../builders/guests.ts';

const storage = (name: string, type: string, change: Partial<StorageView> = {}): StorageView => ({
  node: nodeName('pve-1'),
  storage: name,
  status: 'available',
  type,
  content: ['images'],
  shared: false,
  total: bytes(100 * GiB),
  used: bytes(10 * GiB),
  ...change,
});

const STORAGES = [
  storage('local', 'dir'),
  storage('nas', 'nfs', { shared: true }),
  storage('local-lvm', 'lvmthin'),
  storage('vg', 'lvm'),
  storage('san', 'iscsi', { shared: true }),
];

const guestWith = (config: Record<string, string>, change: Partial<Guest> = {}): Guest => ({
  ...aGuest(),
  node: nodeName('pve-1'),
  running: true,
  template: false,
  config: { memory: '2048', ...config },
  ...change,
});

const obstacle = (guest: Guest, { supported = false, memory = false, storages = STORAGES } = {}) =>
  obstacleOf({ guest, supported, memory, storages });

describe('what prevents a snapshot is named with the way out', () => {
  test.each([
    [
      'a raw disk on a directory',
      { scsi0: 'local:100/vm-100-disk-0.raw,size=8G' },
      /scsi0 is on storage local \(dir\).*qcow2/,
    ],
    [
      'a raw disk on NFS',
      { virtio1: 'nas:100/vm-100-disk-1.raw,size=8G' },
      /virtio1 is on storage nas \(nfs\)/,
    ],
    [
      'a TPM state on a directory',
      { tpmstate0: 'local:100/vm-100-disk-2.raw,size=4M,version=v2.0' },
      /tpmstate0 .*prevents snapshots of the whole VM/,
    ],
    [
      'an EFI disk on a directory',
      { efidisk0: 'local:100/vm-100-disk-3.raw,size=528K' },
      /efidisk0 .*prevents snapshots of the whole VM/,
    ],
    [
      'a disk on LVM',
      { scsi0: 'vg:vm-100-disk-0,size=8G' },
      /scsi0 is on storage vg \(lvm\).*snapshot-as-volume-chain/,
    ],
    [
      'a LUN',
      { scsi0: 'san:0.0.0.scsi-1,size=8G' },
      /scsi0 is on storage san \(iscsi\), which never has snapshots/,
    ],
    [
      'a device of the node',
      { scsi0: '/dev/disk/by-id/ata-1,size=8G' },
      /scsi0 is the device \/dev\/disk\/by-id\/ata-1/,
    ],
  ])('%s', (_what, config, message) => {
    const good = { scsi9: 'local-lvm:vm-100-disk-9,size=8G', ide2: 'local:iso/debian.iso,media=cdrom' };
    const found = obstacle(guestWith({ ...config, ...good }));
    expect(found).toMatchObject({ reason: 'SnapshotNotPossible' });
    expect(found?.message).toMatch(message);
    expect(found?.message).not.toMatch(/scsi9|ide2/);
  });

  test('and nothing is blamed that is not to blame', () => {
    const guest = guestWith({ scsi0: 'local:100/vm-100-disk-0.qcow2,size=8G' });
    expect(obstacle(guest)?.message).toMatch(/Move its disks to a storage that supports snapshots/);
    expect(obstacle(guest, { supported: true })).toBeUndefined();
  });

  test('a template', () => {
    const guest = guestWith({}, { template: true });
    expect(obstacle(guest, { supported: true })?.message).toMatch(/is a template/);
  });
});

describe('memory is not saved', () => {
  const scsi0 = 'local-lvm:vm-100-disk-0,size=8G';
  const asked = { supported: true, memory: true };

  test('of a VM that is off, which says what to do', () => {
    expect(obstacle(guestWith({ scsi0 }, { running: false }), asked)).toMatchObject({
      reason: 'VMNotRunning',
      message: expect.stringMatching(/Start the VM, or set spec.includeMemory to false/) as unknown,
    });
    expect(obstacle(guestWith({ scsi0 }, { running: false }), { supported: true })).toBeUndefined();
  });

  test.each(['amd-sev', 'intel-tdx', 'virtiofs0'])('of a VM with %s', (key) => {
    const guest = guestWith({ scsi0, [key]: 'type=std' });
    expect(obstacle(guest, asked)).toMatchObject({ reason: 'MemoryNotPossible' });
    expect(obstacle(guest, { supported: true })).toBeUndefined();
  });

  test('where its storage has less space than twice the memory and 500 MiB', () => {
    // 2 × 2048 + 500 MiB
    const needed = 4596 * 1024 ** 2;
    const free = (left: number) => [storage('local-lvm', 'lvmthin', { used: bytes(100 * GiB - left) })];
    const guest = guestWith({ scsi0 });
    expect(obstacle(guest, { ...asked, storages: free(needed) })).toBeUndefined();
    expect(obstacle(guest, { ...asked, storages: free(needed - 1) })).toMatchObject({
      reason: 'NoSpaceForMemory',
      message: expect.stringMatching(/4596Mi on storage local-lvm/) as unknown,
    });
  });

  test('and that storage is the one that Proxmox VE takes', () => {
    const full = (name: string) =>
      STORAGES.map((each) => (each.storage === name ? { ...each, used: bytes(100 * GiB) } : each));
    const blocked = (config: Record<string, string>, storages: readonly StorageView[]) =>
      obstacle(guestWith(config), { ...asked, storages: [...storages] })?.message;
    const both = { scsi0, scsi1: 'nas:100/vm-100-disk-1.qcow2,size=8G' };
    expect(blocked(both, full('nas'))).toMatch(/on storage nas/);
    expect(blocked(both, full('local-lvm'))).toBeUndefined();
    expect(blocked({ ...both, vmstatestorage: 'local-lvm' }, full('local-lvm'))).toMatch(
      /on storage local-lvm/,
    );
    expect(blocked({ scsi0, scsi1: 'local:100/vm-100-disk-1.qcow2,size=8G' }, full('local'))).toMatch(
      /on storage local /,
    );
    expect(blocked({}, full('local'))).toMatch(/on storage local /);
  });
});
