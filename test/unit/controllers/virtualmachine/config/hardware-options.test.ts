import { describe, expect, test } from '@jest/globals';
import { firmwareDifferences } from '../../../../../controllers/virtualmachine/config/firmware.ts';
import { hardwareIgnored } from '../../../../../controllers/virtualmachine/config/hardware-options.ts';
import {
  hardwareAtCreation,
  hardwareLater,
} from '../../../../../controllers/virtualmachine/config/hardware.ts';
import { separateDevices } from '../../../../../controllers/virtualmachine/config/device-writes.ts';
import type { Keys } from '../../../../../controllers/shared/guests/keys.ts';
import type { GuestConfig } from '../../../../../controllers/shared/guests/model.ts';
import type { Hardware } from '../../../../../controllers/virtualmachine/model/desired.ts';
import fc from '../../../../builders/fast-check.ts';
import { configured } from '../../../../builders/guest-model.ts';
import {
  aDesiredVm,
  aGuest,
  aMark,
  configOf,
  NOW,
  TEMPLATE_CONFIG,
  type Wanted,
} from '../../../../builders/guests.ts';

const ROOM = { maxCpus: 8, nodeCpus: 16 };
const atCreation = (want: Partial<Wanted>, config: GuestConfig = {}): Keys =>
  hardwareAtCreation(aDesiredVm(want), { ...TEMPLATE_CONFIG, ...config }, ROOM);
const later = (want: Partial<Wanted>, config: GuestConfig = {}): Keys =>
  hardwareLater(aDesiredVm(want), aGuest({ config: configOf(aMark(), config) }), ROOM);

const NOTHING = { set: {}, delete: [] };

describe('hardware of the class', () => {
  test.each<[string, Hardware, GuestConfig, Keys]>([
    ['numa', { numa: true }, {}, { set: { numa: 1 }, delete: [] }],
    ['numa that is on', { numa: true }, { numa: '1' }, NOTHING],
    ['no numa', { numa: false }, {}, NOTHING],
    ['no numa any more', { numa: false }, { numa: '1' }, { set: { numa: 0 }, delete: [] }],
    ['a tablet, which is the default', { tablet: true }, {}, NOTHING],
    ['no tablet', { tablet: false }, {}, { set: { tablet: 0 }, delete: [] }],
    ['a graphics card', { vga: { type: 'virtio' } }, {}, { set: { vga: 'virtio' }, delete: [] }],
    ['the one it has', { vga: { type: 'virtio' } }, { vga: 'type=virtio,memory=64' }, NOTHING],
    [
      'a graphics card with memory, beside the clipboard',
      { vga: { type: 'qxl', memory: '64' } },
      { vga: 'std,clipboard=vnc' },
      { set: { vga: 'qxl,clipboard=vnc,memory=64' }, delete: [] },
    ],
    ['a serial port', { serial: 1 }, {}, { set: { serial0: 'socket' }, delete: [] }],
    [
      'fewer serial ports, beside one that is a device of the node',
      { serial: 1 },
      { serial0: '/dev/ttyS0', serial1: 'socket', serial2: '/dev/ttyS1' },
      { set: {}, delete: ['serial1'] },
    ],
    [
      'a sound card',
      { audio: { device: 'AC97', driver: undefined } },
      {},
      { set: { audio0: 'device=AC97' }, delete: [] },
    ],
    [
      'the sound card that it has',
      { audio: { device: 'AC97', driver: 'spice' } },
      { audio0: 'device=AC97' },
      NOTHING,
    ],
    [
      'entropy',
      { rng: { source: '/dev/urandom', max_bytes: '2048', period: undefined } },
      { rng0: 'source=/dev/random,period=500' },
      { set: { rng0: '/dev/urandom,period=500,max_bytes=2048' }, delete: [] },
    ],
    ['huge pages', { hugepages: '1Gi' }, { numa: '1' }, { set: { hugepages: '1024' }, delete: [] }],
    ['nothing', {}, { vga: 'qxl', serial0: 'socket', numa: '1', tablet: '0', rng0: '/dev/random' }, NOTHING],
  ])('asks for %s', (_what, hardware, config, expected) => {
    expect(later({ hardware }, config)).toEqual(expected);
  });

  test('is there at the first start', () => {
    expect(atCreation({ hardware: { numa: true, serial: 1, vga: { type: 'serial0' } } }).set).toMatchObject({
      numa: 1,
      serial0: 'socket',
      vga: 'serial0',
    });
  });

  test('that only some users may set is written alone, and blocks nothing where it is refused', () => {
    const hardware: Hardware = { numa: true, hugepages: 'any', rng: { source: '/dev/urandom' } };
    expect(Object.keys(atCreation({ hardware }).set)).not.toContain('hugepages');
    const guest = aGuest();
    const change = later({ hardware });
    const pveMessage = "only root can set 'hugepages' config";
    const { change: others, devices } = separateDevices(change, guest, {
      refusedWrites: { hugepages: { value: 'any', pveMessage, at: NOW } },
      isNew: false,
      now: NOW,
    });
    expect(others?.set).toEqual({ numa: 1 });
    expect(devices?.writes).toEqual([{ key: 'rng0', value: '/dev/urandom' }]);
    expect(devices?.refused).toEqual([
      expect.stringMatching(/^hardware\.hugepages of the class is not in effect.*only root can set/),
    ]);
  });

  test('leaves NUMA on where the VM would not start without it, and says so', () => {
    const config = { numa: '1', hotplug: 'disk,memory' };
    expect(later({ hardware: { numa: false } }, config)).toEqual(NOTHING);
    expect(hardwareIgnored({ hardware: { numa: false } }, config)).toEqual([
      expect.stringContaining('memory hotplug, which needs NUMA'),
    ]);
    expect(hardwareIgnored({ hardware: { numa: false } }, { numa: '1' })).toEqual([]);
  });
});

describe('sockets', () => {
  test('divide the ceiling of a new VM, which never exceeds what its node has', () => {
    expect(atCreation({ cpus: 2, hardware: { sockets: 2 } }).set).toMatchObject({
      sockets: 2,
      cores: 4,
      vcpus: 2,
    });
    const odd = hardwareAtCreation(aDesiredVm({ cpus: 2, hardware: { sockets: 2 } }), TEMPLATE_CONFIG, {
      maxCpus: 7,
      nodeCpus: 7,
    });
    expect(odd.set).toMatchObject({ sockets: 2, cores: 3, vcpus: 2 });
  });

  test('of a VM that exists change with its ceiling, and wait for a restart', () => {
    expect(later({ hardware: { sockets: 2 } })).toEqual({ set: { cores: 4, sockets: 2 }, delete: [] });
    expect(later({ hardware: { sockets: 1 } }, { cores: '4', sockets: '2' })).toEqual({
      set: { cores: 8 },
      delete: ['sockets'],
    });
    expect(later({}, { cores: '4', sockets: '2' })).toEqual(NOTHING);
  });

  test('that are pending are not written again, and the CPUs stay what they are', () => {
    const config = configOf(aMark(), { cores: '4', sockets: '2' });
    const pending = [
      { key: 'cores', current: '8', pending: '4' },
      { key: 'sockets', pending: '2' },
    ];
    const guest = aGuest({ config, pending });
    expect(hardwareLater(aDesiredVm({ hardware: { sockets: 2 } }), guest, ROOM)).toEqual(NOTHING);
  });

  test('of any number are settled after one write', () => {
    const numbers = fc.record({
      sockets: fc.integer({ min: 1, max: 8 }),
      perSocket: fc.integer({ min: 1, max: 8 }),
      spare: fc.nat(64),
      has: fc.record({ cores: fc.integer({ min: 1, max: 16 }), sockets: fc.integer({ min: 1, max: 4 }) }),
    });
    fc.assert(
      fc.property(numbers, ({ sockets, perSocket, spare, has }) => {
        const cpus = sockets * perSocket;
        const want = aDesiredVm({ cpus, hardware: { sockets } });
        const room = { maxCpus: cpus + spare, nodeCpus: 1024 };
        const first = hardwareAtCreation(want, TEMPLATE_CONFIG, room);
        const made = configured(101, TEMPLATE_CONFIG, first.set, first.delete);
        expect(Number(made['cores']) * sockets).toBeGreaterThanOrEqual(cpus);
        expect(Number(made['cores']) * sockets).toBeLessThanOrEqual(room.maxCpus);
        expect(hardwareLater(want, aGuest({ config: made, running: false }), room)).toEqual(NOTHING);
        const other = configOf(aMark(), { cores: `${has.cores}`, sockets: `${has.sockets}` });
        const change = hardwareLater(want, aGuest({ config: other, running: false }), room);
        const isDue = Object.keys(change.set).length + change.delete.length > 0;
        const after = isDue ? configured(101, other, change.set, change.delete) : other;
        expect(hardwareLater(want, aGuest({ config: after, running: false }), room)).toEqual(NOTHING);
      }),
    );
  });
});

describe('settings that only a new VM gets', () => {
  const want = {
    osType: 'win11',
    scsiController: 'virtio-scsi-pci',
    bios: 'ovmf',
    efi: { preEnrolledKeys: true },
  } as const;

  test('are in its first configuration', () => {
    expect(atCreation(want).set).toMatchObject({
      ostype: 'win11',
      scsihw: 'virtio-scsi-pci',
      efidisk0: 'local-lvm:1,efitype=4m,pre-enrolled-keys=1',
    });
    expect(atCreation({ bios: 'ovmf', efi: { type: '2m' } }).set['efidisk0']).toBe(
      'local-lvm:1,efitype=2m,pre-enrolled-keys=0',
    );
    expect(atCreation({ scsiController: 'virtio-scsi-single' }).set).not.toHaveProperty('scsihw');
  });

  test('are reported later, and not changed', () => {
    const config = { bios: 'ovmf', efidisk0: 'local-lvm:vm-101-disk-1,efitype=4m,size=4M', ostype: 'l26' };
    expect(later(want, config)).toEqual(NOTHING);
    expect(firmwareDifferences(aDesiredVm(want), configOf(aMark(), config))).toEqual([
      expect.stringContaining('The OS type is l26, but the class asks for win11'),
      expect.stringContaining('The SCSI controller is lsi, but the class asks for virtio-scsi-pci'),
      expect.stringContaining('type 4m without pre-enrolled keys, but the class asks for type 4m with'),
    ]);
  });

  test('of an EFI disk need UEFI', () => {
    expect(firmwareDifferences(aDesiredVm({ efi: { type: '4m' } }), configOf())).toEqual([
      expect.stringContaining('need UEFI'),
    ]);
  });
});

test.each<[string, Partial<Wanted>, GuestConfig, string | undefined]>([
  ['is switched on', { guestAgent: { fstrimClonedDisks: true } }, {}, 'enabled=1,fstrim_cloned_disks=1'],
  [
    'is switched off',
    { guestAgent: { fstrimClonedDisks: false } },
    { agent: '1,fstrim_cloned_disks=1,type=isa' },
    'enabled=1,type=isa',
  ],
  ['stays where the spec says nothing', {}, { agent: '1,fstrim_cloned_disks=1' }, undefined],
])('trimming of moved disks %s', (_what, want, config, agent) => {
  expect(later(want, config).set['agent']).toBe(agent);
});
