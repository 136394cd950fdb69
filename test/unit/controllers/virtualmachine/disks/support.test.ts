import { describe, expect, test } from '@jest/globals';
import { diskWork } from '../../../../../controllers/virtualmachine/disks/work.ts';
import { diskKeys } from '../../../../../controllers/virtualmachine/disks/behaviour.ts';
import type { DesiredDisk, DiskOptions } from '../../../../../controllers/virtualmachine/model/disks.ts';
import { bytes, GiB } from '../../../../../src/lib/units.ts';
import { aDesiredVm, aGuest, aMark, configOf } from '../../../../builders/guests.ts';
import { aVirtualMachine } from '../../../../builders/objects.ts';
import { aStorage } from '../../../../builders/views.ts';

const CONTEXT = { recorded: [], detached: [], storages: [aStorage()], isApplied: () => false };

/** A guest with one disk, and what follows from the options that its spec gives to it. */
function rootWith(options: DiskOptions, device: string, { text = '', scsihw = 'virtio-scsi-single' } = {}) {
  const { scsi0: _scsi0, ...config } = configOf(aMark(), {
    boot: `order=${device}`,
    scsihw,
    [device]: `local-lvm:vm-101-disk-0,size=10G${text}`,
  });
  const guest = aGuest({
    config: device === 'scsi0' ? { ...config, scsi0: `local-lvm:vm-101-disk-0,size=10G${text}` } : config,
  });
  const want = aDesiredVm({ root: { options } });
  return {
    written: Object.values(diskKeys(aVirtualMachine(), want, guest).set).join(),
    differences: diskWork(want, guest, CONTEXT).differences.join(' '),
  };
}

describe('an option that a disk cannot have is reported and not written', () => {
  test.each<[string, DiskOptions, string, { text?: string; scsihw?: string }, string]>([
    ['ssd on virtio', { ssd: true }, 'virtio0', {}, 'ssd'],
    ['iothread on SATA', { iothread: true }, 'sata0', {}, 'iothread'],
    ['iothread on IDE', { iothread: true }, 'ide0', {}, 'iothread'],
    ['iothread with a controller for all disks', { iothread: true }, 'scsi0', { scsihw: 'lsi' }, 'iothread'],
    [
      'a cache with aio=native',
      { cache: 'writeback' },
      'scsi0',
      { text: ',aio=native' },
      'cache (writeback)',
    ],
    [
      'aio=native with a cache of the host',
      { aio: 'native' },
      'scsi0',
      { text: ',cache=writeback' },
      'aio (native)',
    ],
    ['reads beside a total', { limits: { readMBps: 5 } }, 'scsi0', { text: ',mbps=9' }, 'limits.readMBps'],
    [
      'operations beside a total',
      { limits: { writeIOPS: 5 } },
      'virtio0',
      { text: ',iops=9' },
      'limits.writeIOPS',
    ],
  ])('%s', (_what, options, device, disk, named) => {
    const { written, differences } = rootWith({ ...options, discard: true }, device, disk);
    expect(written).toContain('discard=on');
    for (const asked of ['ssd=1', 'iothread=1', 'mbps_rd=', 'iops_wr=']) expect(written).not.toContain(asked);
    expect(written).not.toMatch(/aio=native.*cache=writeback|cache=writeback.*aio=native/);
    expect(differences).toContain(`The root disk (${device}) cannot have the option ${named}`);
  });
});

test.each<[DiskOptions, string, string]>([
  [{ ssd: true, iothread: true }, 'scsi0', ''],
  [{ iothread: true, cache: 'writeback' }, 'virtio0', ''],
  [{ ssd: true }, 'sata0', ''],
  [{ cache: 'directsync' }, 'scsi0', ',aio=native'],
  [{ aio: 'native', cache: 'none' }, 'scsi0', ',cache=writeback'],
  [{ aio: 'threads', backup: false, replicate: false }, 'sata0', ''],
  [{ limits: { readMBps: 5 } }, 'scsi0', ',iops=9'],
])('%j is written to %s with "%s"', (options, device, text) => {
  const { written, differences } = rootWith(options, device, { text });
  expect(written).not.toBe('');
  expect(differences).toBe('');
});

test.each<DiskOptions>([{ ssd: false }, { iothread: false }, { limits: { readMBps: 0 } }])(
  'that %j has nothing to do is no difference',
  (options) => {
    const { written, differences } = rootWith(options, 'virtio0', { text: ',mbps=9' });
    expect(written + differences).toBe('');
  },
);

test('a new disk is made without an option that it cannot have', () => {
  const disk: DesiredDisk = {
    name: 'data',
    size: bytes(GiB),
    storage: 'local-lvm',
    options: { iothread: true, ssd: true },
    reclaimPolicy: 'Detach',
  };
  const guest = aGuest({ config: configOf(aMark(), { scsihw: 'virtio-scsi-pci' }) });
  const { steps, differences } = diskWork(aDesiredVm({ disks: [disk] }), guest, {
    ...CONTEXT,
    recorded: [{ name: 'data', device: 'scsi1' }],
  });
  expect(steps).toMatchObject([{ do: 'attachDisk', text: 'local-lvm:1,serial=data,ssd=1' }]);
  expect(differences.join()).toContain('Disk data (scsi1) cannot have the option iothread');
});
