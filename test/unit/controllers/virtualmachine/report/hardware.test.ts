import { describe, expect, test } from '@jest/globals';
import { hardwareOf } from '../../../../../controllers/virtualmachine/report/hardware.ts';
import type { Guest } from '../../../../../controllers/shared/guests/model.ts';
import { VirtualMachine } from '../../../../../src/api/index.ts';
import { aGuest } from '../../../../builders/guests.ts';

const hardware = (config: Guest['config'], more: Partial<Guest> = {}) =>
  hardwareOf(aGuest({ config, ...more }));

describe('CPUs and memory in status', () => {
  test.each([
    ['cores alone', { cores: '4' }, 4],
    ['cores on several sockets', { cores: '4', sockets: '2' }, 8],
    ['plugged CPUs below the ceiling', { cores: '8', vcpus: '2' }, 2],
    ["Proxmox VE's default", {}, 1],
  ])('count %s', (_of, config, cpus) => {
    expect(hardware(config).cpus).toBe(cpus);
  });

  test.each([
    ['whole gibibytes', { memory: '4096' }, '4Gi'],
    ['other sizes in mebibytes', { memory: '1500' }, '1500Mi'],
    ["Proxmox VE's default", {}, '512Mi'],
    [
      'the target of a balloon that the operator sets',
      { memory: '8192', balloon: '2048', shares: '0' },
      '2Gi',
    ],
    ['the maximum where Proxmox VE moves the balloon', { memory: '8192', balloon: '2048' }, '8Gi'],
    ['the maximum without a balloon', { memory: '8192', balloon: '0', shares: '0' }, '8Gi'],
  ])('tell %s', (_of, config, memory) => {
    expect(hardware(config).memory).toBe(memory);
  });

  test('are what the guest runs with, not what waits for its next start', () => {
    const pending = [
      { key: 'cores', current: '2', pending: '6' },
      { key: 'memory', current: '2048', pending: '4096' },
      { key: 'vcpus', pending: '3' },
    ];
    expect(hardware({ cores: '6', memory: '4096', vcpus: '3' }, { pending })).toEqual({
      cpus: 2,
      memory: '2Gi',
    });
  });

  test('are absent for a container, of which nothing is known', () => {
    expect(hardware({}, { container: true })).toEqual({});
  });
});

describe('unused volumes in status', () => {
  test('are listed in the order of their slots, with their storage', () => {
    const config = {
      unused10: 'nfs:101/vm-101-disk-3.qcow2',
      unused2: 'local-lvm:vm-101-disk-1',
      scsi0: 'local-lvm:vm-101-disk-0',
    };
    expect(hardware(config).unusedVolumes).toEqual([
      { device: 'unused2', volume: 'local-lvm:vm-101-disk-1', storage: 'local-lvm' },
      { device: 'unused10', volume: 'nfs:101/vm-101-disk-3.qcow2', storage: 'nfs' },
    ]);
  });

  test('carry the name and size of the disk that they were', () => {
    const guest = aGuest({ config: { unused0: 'tank:vm-101-disk-1', unused1: 'tank:vm-101-disk-2' } });
    const detached = [{ disk: 'data', volume: 'tank:vm-101-disk-2', size: '10Gi' }];
    expect(hardwareOf(guest, detached).unusedVolumes).toEqual([
      { device: 'unused0', volume: 'tank:vm-101-disk-1', storage: 'tank' },
      { device: 'unused1', volume: 'tank:vm-101-disk-2', storage: 'tank', disk: 'data', size: '10Gi' },
    ]);
  });

  test('are absent where there are none', () => {
    expect(hardware({ scsi0: 'local-lvm:vm-101-disk-0' })).not.toHaveProperty('unusedVolumes');
  });

  test('fit the schema however many there are', () => {
    const config = Object.fromEntries(
      Array.from({ length: 256 }, (_, n) => [`unused${n}`, `local-lvm:vm-101-disk-${n}`]),
    );
    const reported = hardware(config);
    expect(reported.unusedVolumes).toHaveLength(64);
    expect(VirtualMachine.status.parse(reported)).toEqual(reported);
  });
});
