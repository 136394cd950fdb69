import { describe, expect, test } from '@jest/globals';
import { separateDevices } from '../../../../../controllers/virtualmachine/config/device-writes.ts';
import { plan } from '../../../../../controllers/virtualmachine/plan/plan.ts';
import {
  aClaim,
  aDesiredVm,
  aGuest,
  configOf,
  aMark,
  NOW,
  observed,
  seen,
} from '../../../../builders/guests.ts';

const guest = aGuest({
  config: configOf(aMark(), { virtio1: 'tank:vm-101-disk-1,size=1G', ide2: 'local:iso/a.iso,media=cdrom' }),
});
const VIRTIO = 'tank:vm-101-disk-1,size=1G,ssd=1';
const at = (refusedWrites: Parameters<typeof separateDevices>[2]['refusedWrites'] = {}) => ({
  refusedWrites,
  isNew: false,
  now: NOW,
});
const split = (set: Record<string, string | number>, context = at()) =>
  separateDevices({ set, delete: [] }, guest, context);

describe('options of drives', () => {
  test('are written apart from everything else, each drive alone', () => {
    const scsi0 = 'local-lvm:vm-101-disk-0,size=10G,cache=writeback';
    expect(split({ memory: 4096, scsi0, virtio1: VIRTIO })).toEqual({
      change: { set: { memory: 4096 }, delete: [] },
      devices: {
        writes: [
          { key: 'scsi0', value: scsi0 },
          { key: 'virtio1', value: VIRTIO },
        ],
        refused: [],
      },
    });
  });

  test('are not what a drive is made, replaced or ejected with', () => {
    const set = { scsi2: 'tank:1', virtio1: 'tank:vm-101-disk-9', ide2: 'none,media=cdrom' };
    expect(split(set)).toEqual({ change: { set, delete: [] } });
  });

  test('that were refused are reported and tried again after ten minutes; other values at once', () => {
    const refusal = (ago: number, value = VIRTIO) =>
      at({ virtio1: { value, pveMessage: 'virtio1.ssd: no such property', at: NOW - ago } });
    expect(split({ virtio1: VIRTIO }, refusal(599_000))).toMatchObject({
      change: undefined,
      devices: { writes: [], refused: [expect.stringContaining('virtio1.ssd: no such property. ')] },
    });
    for (const context of [refusal(600_000), refusal(0, 'other')])
      expect(split({ virtio1: VIRTIO }, context).devices).toMatchObject({ writes: [{}], refused: [] });
  });
});

describe('network interfaces', () => {
  const net0 = 'virtio=BC:24:11:00:00:01,bridge=vmbr1';

  test('of an existing VM are written apart from CPUs and memory, each alone', () => {
    const change = { set: { vcpus: 3, net0 }, delete: ['net1'] };
    expect(separateDevices(change, guest, at())).toEqual({
      change: { set: { vcpus: 3 }, delete: [] },
      devices: {
        writes: [
          { key: 'net0', value: net0 },
          { key: 'net1', value: undefined },
        ],
        refused: [],
      },
    });
  });

  test('that were refused are reported, and hold nothing back', () => {
    const refusedWrites = {
      net0: {
        value: net0,
        pveMessage: 'Permission check failed (/sdn/zones/localnetwork/vmbr1, SDN.Use)',
        at: NOW,
      },
    };
    expect(split({ vcpus: 3, net0 }, at(refusedWrites))).toMatchObject({
      change: { set: { vcpus: 3 } },
      devices: {
        writes: [],
        refused: [expect.stringMatching(/^Network interface net0 .*SDN\.Use\)\. Correct/)],
      },
    });
  });

  test('are part of the first configuration: a VM does not start for the first time without them', () => {
    const change = { set: { cores: 2, net0 }, delete: [] };
    expect(separateDevices(change, guest, { ...at(), isNew: true })).toEqual({ change });
  });
});

describe('a guest that is to be off', () => {
  const change = { set: { memory: 4096 }, delete: [] };
  const devices = { writes: [{ key: 'virtio1', value: VIRTIO } as const], refused: [] };
  const disks = { entries: [], unrecorded: true, steps: [], unmakeable: [], open: [], differences: [] };
  const have = observed({ claim: aClaim({ made: true }), presence: seen({ config: guest.config }) });

  test.each([
    ['Off', 'stop'],
    ['OffGraceful', 'shutdown'],
  ] as const)('with %s is switched off before anything else is changed', (power, step) => {
    for (const due of [{ change }, { devices }, { disks }])
      expect(plan(aDesiredVm({ power }), { ...have, ...due })).toMatchObject({
        kind: 'act',
        step: { do: step },
      });
  });

  test('is changed once it is off, and one that is to run before it starts', () => {
    const off = { ...have, presence: seen({ config: guest.config, running: false }), devices };
    for (const power of ['Off', 'On'] as const)
      expect(plan(aDesiredVm({ power }), off)).toMatchObject({
        step: { do: 'configure', change: { set: { virtio1: VIRTIO } }, bestEffort: devices.writes[0] },
      });
    const refused = { ...off, devices: { writes: [], refused: ['no'] } };
    expect(plan(aDesiredVm(), refused)).toMatchObject({ step: { do: 'start' } });
  });
});
