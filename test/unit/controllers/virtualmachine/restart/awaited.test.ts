import { describe, expect, test } from '@jest/globals';
import type { PendingChange } from '../../../../../controllers/shared/guests/model.ts';
import { awaitedKeys } from '../../../../../controllers/virtualmachine/restart/awaited.ts';
import type { VirtualMachine } from '../../../../../src/api/index.ts';
import { bytes, GiB } from '../../../../../src/lib/units.ts';
import { aGuest, aDesiredVm, configOf, type Wanted } from '../../../../builders/guests.ts';
import { aVirtualMachine } from '../../../../builders/objects.ts';

const ROOM = { cloudInit: undefined, maxCpus: 8, nodeCpus: 64 };
const RUNNING = configOf(undefined, { cpu: 'x86-64-v2-AES' });
const LAN = { name: 'lan', bridge: 'vmbr0' };
const LAN_NOW = { device: 'net0', name: 'lan', mac: 'BC:24:11:00:00:01', bridge: 'vmbr0' };
const DMZ_NOW = { device: 'net1', name: 'dmz', mac: 'BC:24:11:00:00:02', bridge: 'vmbr1' };
const DMZ_TEXT = 'virtio=BC:24:11:00:00:02,bridge=vmbr1';
const DATA = { name: 'data', device: 'scsi1' };
const DESIRED_DATA = { name: 'data', size: bytes(5 * GiB), options: {}, reclaimPolicy: 'Detach' as const };
const DATA_TEXT = 'local-lvm:vm-101-disk-1,serial=data,size=5G';

/** Of a guest that runs with `RUNNING` and these changes waiting. */
function awaited(
  pending: readonly PendingChange[],
  want: Partial<Wanted> = {},
  status: Partial<NonNullable<VirtualMachine['status']>> = {},
): readonly string[] {
  const waiting = new Map(pending.map(({ key, pending: next }) => [key, next]));
  const config = Object.fromEntries(
    [...Object.entries(RUNNING).filter(([key]) => !waiting.has(key)), ...waiting].flatMap(([key, value]) =>
      value === undefined ? [] : [[key, value] as const],
    ),
  );
  return awaitedKeys(aVirtualMachine({ status }), aDesiredVm(want), aGuest({ config, pending }), ROOM);
}

describe('a change that waits for a restart was asked for', () => {
  const memory = { key: 'memory', current: '2048', pending: '4096' };
  const cpu = { key: 'cpu', current: 'x86-64-v2-AES', pending: 'host' };
  const lan = { networks: [LAN_NOW, DMZ_NOW] };

  test.each<[string, PendingChange, Partial<Wanted>, Parameters<typeof awaited>[2]]>([
    ['memory', memory, { memory: bytes(4 * GiB) }, {}],
    ['the type of CPU', cpu, { cpuType: 'host' }, {}],
    ['a network', { key: 'net1', pending: DMZ_TEXT }, { nics: [LAN, { name: 'dmz', bridge: 'vmbr1' }] }, lan],
    ['the end of a network', { key: 'net1', current: DMZ_TEXT }, { nics: [LAN] }, lan],
    ['a disk', { key: 'scsi1', pending: DATA_TEXT }, { disks: [DESIRED_DATA] }, { disks: [DATA] }],
    ['the end of a disk', { key: 'scsi1', current: DATA_TEXT }, {}, { disks: [DATA] }],
  ])('where the spec wants it: %s', (_what, change, want, status) => {
    expect(awaited([change], want, status)).toEqual([change.key]);
  });

  test.each<[string, PendingChange]>([
    [
      'the cache of the boot disk',
      { key: 'scsi0', current: RUNNING['scsi0']!, pending: `${RUNNING['scsi0']!},cache=none` },
    ],
    ['a type of CPU', cpu],
    ['a network', { key: 'net3', pending: 'virtio=BC:24:11:00:00:09,bridge=vmbr0' }],
    ['a disk', { key: 'sata1', pending: 'local-lvm:vm-101-disk-7,size=1G' }],
    ['a graphics card', { key: 'vga', pending: 'qxl' }],
    ['another memory', memory],
  ])('but not if it was written in Proxmox VE: %s', (_what, change) => {
    expect(awaited([change])).toEqual([]);
  });

  test('but not if a disk of ours is removed or changed in Proxmox VE', () => {
    const wanted = { disks: [DESIRED_DATA] };
    const out = { key: 'scsi1', current: DATA_TEXT };
    expect(awaited([out], wanted, { disks: [DATA] })).toEqual([]);
    const changed = { ...out, pending: `${DATA_TEXT},cache=none` };
    expect(awaited([changed], wanted, { disks: [DATA] })).toEqual([]);
  });

  test('and is distinguished from another that waits next to it', () => {
    const vga = { key: 'vga', pending: 'qxl' };
    expect(awaited([vga, memory], { memory: bytes(4 * GiB) })).toEqual(['memory']);
  });
});
