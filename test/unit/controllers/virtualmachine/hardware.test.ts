import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  cpusOf,
  firmwareDifferences,
  hardwareAtCreation,
  hardwareLater,
  memoryMiBOf,
  type Keys,
} from '../../../../controllers/virtualmachine/hardware.ts';
import type { GuestConfig } from '../../../../controllers/virtualmachine/model.ts';
import { parseProperties, property } from '../../../../src/pve/index.ts';
import { bytes, GiB, MiB } from '../../../../src/lib/units.ts';
import { foreignKeys } from '../../../builders/arbitrary-worlds.ts';
import { configured } from '../../../builders/guest-model.ts';
import { aMark, aWish, configOf, TEMPLATE_CONFIG } from '../../../builders/guests.ts';
import { UID } from '../../../builders/objects.ts';

type Shape = Parameters<typeof aWish>[0];

const atCreation = (config: GuestConfig, want: Shape = {}, maxCpus = 8): Keys =>
  hardwareAtCreation(aWish(want), { ...TEMPLATE_CONFIG, ...config }, maxCpus);
const later = (config: GuestConfig, want: Shape = {}): Keys =>
  hardwareLater(aWish(want), configOf(aMark(), config), 16);

describe('CPUs of a new guest', () => {
  test('have room to grow while it runs', () => {
    expect(atCreation({}).set).toMatchObject({ cores: 8, vcpus: 2, hotplug: 'network,disk,usb,cpu' });
  });

  test('have no ceiling of their own where there is no room', () => {
    const { set, delete: gone } = atCreation({ vcpus: '1', sockets: '2' }, { cpus: 8 });
    expect(set).toMatchObject({ cores: 8 });
    expect(set).not.toHaveProperty('vcpus');
    expect(gone).toEqual(expect.arrayContaining(['vcpus', 'sockets']));
  });

  test.each([
    ['1', 'network,disk,usb,cpu'],
    ['0', 'cpu'],
    ['disk,memory', 'disk,memory,cpu'],
    ['cpu,disk', 'cpu,disk'],
  ])('are hot-plugged beside what the template hot-plugs (%s)', (hotplug, expected) => {
    expect(atCreation({ hotplug }).set['hotplug']).toBe(expected);
  });
});

describe('CPUs of a guest that exists', () => {
  test('change within the ceiling by vcpus alone', () => {
    expect(later({}, { cpus: 8 })).toEqual({ set: { vcpus: 8 }, delete: [] });
    expect(later({ cores: '2', sockets: '4', vcpus: '1' }, { cpus: 8 })).toEqual({
      set: { vcpus: 8 },
      delete: [],
    });
  });

  test('change above the ceiling by cores, on one socket', () => {
    expect(later({ sockets: '1' }, { cpus: 9 })).toEqual({ set: { cores: 9 }, delete: ['sockets', 'vcpus'] });
  });

  test('are left alone where cores and sockets say the same', () => {
    const { vcpus: _, ...config } = configOf();
    expect(hardwareLater(aWish({ cpus: 4 }), { ...config, cores: '2', sockets: '2' }, 16)).toEqual({
      set: {},
      delete: [],
    });
  });

  test('get their cores back where someone set fewer than the guest has CPUs', () => {
    expect(later({ cores: '1' })).toEqual({ set: { cores: 2 }, delete: ['vcpus'] });
  });

  test.each([
    [{}, 1, 1],
    [{ cores: '4', sockets: '2' }, 8, 8],
    [{ cores: '4', vcpus: '3' }, 3, 4],
    [{ cores: 'many' }, 1, 1],
  ])('are read from %j', (config, now, ceiling) => {
    expect(cpusOf(config)).toEqual({ now, ceiling });
  });
});

describe('memory', () => {
  test.each([
    ['4096', 4096],
    ['current=4096', 4096],
    [undefined, 512],
    ['much', 512],
  ])('is read from %s', (memory, mib) => {
    expect(memoryMiBOf(memory === undefined ? {} : { memory })).toBe(mib);
  });

  test.each(['2048', 'current=2048'])('is not written where it is %s already', (memory) => {
    expect(later({ memory }).set).toEqual({});
  });

  test('is written in MiB, rounded down', () => {
    expect(later({}, { memory: bytes(4 * GiB) }).set).toEqual({ memory: 4096 });
    expect(later({}, { memory: bytes(2 * GiB + MiB - 1) }).set).toEqual({});
  });

  test("takes the template's balloon target away, but leaves a balloon that is switched off", () => {
    expect(atCreation({ balloon: '1024' }).delete).toContain('balloon');
    expect(atCreation({ balloon: '0' }).delete).not.toContain('balloon');
  });

  test('takes a later balloon target away only if it is above the memory', () => {
    expect(later({ balloon: '1024' }).delete).toEqual([]);
    expect(later({ balloon: '4096' }).delete).toEqual(['balloon']);
  });
});

describe('firmware', () => {
  test('of a class is set at creation, with a disk for its settings where the root disk is', () => {
    expect(atCreation({}, { bios: 'ovmf', machine: 'q35' }).set).toMatchObject({
      bios: 'ovmf',
      machine: 'q35',
      efidisk0: 'local-lvm:1,efitype=4m,pre-enrolled-keys=0',
    });
  });

  test("keeps the template's disk for settings, and gives one to a template that lacks it", () => {
    expect(atCreation({ bios: 'ovmf', efidisk0: 'local-lvm:x,size=4M' }).set).not.toHaveProperty('efidisk0');
    expect(atCreation({ bios: 'ovmf' }).set).toHaveProperty('efidisk0');
  });

  test('is never changed later, but a difference is told', () => {
    const want = { bios: 'ovmf', machine: 'q35' } as const;
    expect(later({}, want)).toEqual({ set: {}, delete: [] });
    expect(firmwareDifferences(aWish(want), configOf())).toHaveLength(2);
    expect(firmwareDifferences(aWish(), configOf(aMark(), { bios: 'ovmf' }))).toEqual([]);
  });

  test.each([
    ['q35', 'pc-q35-9.0', []],
    ['q35', 'type=q35,viommu=intel', []],
    ['q35', 'q35,viommu=intel', []],
    ['pc', undefined, []],
    ['pc', 'pc-i440fx-8.1+pve1', []],
    ['pc-q35-9.0', 'pc-q35-9.0', []],
    ['pc-q35-9.0', 'q35', [expect.any(String)]],
    ['q35', undefined, [expect.any(String)]],
    ['pc', 'q35', [expect.any(String)]],
  ])('machine %s and a guest with %s', (machine, has, differences) => {
    const config = configOf(aMark(), has === undefined ? {} : { machine: has });
    expect(firmwareDifferences(aWish({ machine }), config)).toEqual(differences);
  });
});

describe('the guest agent', () => {
  test.each([
    ['', 'enabled=1'],
    ['0', 'enabled=1'],
    ['enabled=0', 'enabled=1'],
    ['0,fstrim_cloned_disks=1', 'enabled=1,fstrim_cloned_disks=1'],
    ['type=isa,enabled=0', 'enabled=1,type=isa'],
  ])('is switched on in "%s", whatever else stands there', (text, expected) => {
    expect(later({ agent: text }).set).toEqual({ agent: expected });
  });

  test.each(['1', 'enabled=1', 'fstrim_cloned_disks=1,enabled=1', '1,type=isa'])(
    'is left alone in "%s"',
    (text) => {
      expect(later({ agent: text }).set).toEqual({});
    },
  );
});

test("a new guest gets the object's uid into its SMBIOS table, beside what the template says there", () => {
  const { set } = atCreation({
    smbios1: 'manufacturer=QUNNRQ==,uuid=11111111-2222-3333-4444-555555555555,base64=1',
  });
  expect(set['smbios1']).toBe(`manufacturer=QUNNRQ==,uuid=${UID},base64=1`);
});

test("a new guest loses its template's tags", () => {
  expect(atCreation({ tags: 'a;b' }).delete).toContain('tags');
  expect(atCreation({}).delete).not.toContain('tags');
});

test('whatever a template says, one write makes a guest as wished that can be started', () => {
  const sizes = fc.record({
    cpus: fc.integer({ min: 1, max: 64 }),
    memory: fc.integer({ min: 16, max: 99_999 }),
    spare: fc.nat(64),
  });
  fc.assert(
    fc.property(foreignKeys, sizes, (keys, { cpus, memory, spare }) => {
      const want = aWish({ cpus, memory: bytes(memory * MiB) });
      const first = hardwareAtCreation(want, { ...TEMPLATE_CONFIG, ...keys }, cpus + spare);
      const config = configured(101, { ...TEMPLATE_CONFIG, ...keys }, first.set, first.delete);
      expect(cpusOf(config)).toEqual({ now: cpus, ceiling: cpus + spare });
      expect(memoryMiBOf(config)).toBe(memory);
      expect(Number(config['balloon'] ?? 0)).toBeLessThanOrEqual(memory);
      expect(property(parseProperties(config['agent'] ?? ''), 'enabled', 'enabled')).toBe('1');
      expect(hardwareLater(want, config, 1024)).toEqual({ set: {}, delete: [] });
    }),
  );
});

describe('more CPUs than the node has', () => {
  const config = { cores: '8', vcpus: '2', memory: '2048', agent: 'enabled=1' };

  test('are not written: Proxmox VE would not start the VM', () => {
    expect(hardwareLater(aWish({ cpus: 20 }), config, 16).set).not.toHaveProperty('cores');
  });

  test('are taken back, as far as the node goes, when they stand in the configuration', () => {
    const { set } = hardwareLater(aWish({ cpus: 2 }), { ...config, cores: '20' }, 16);
    expect(set).toMatchObject({ cores: 16, vcpus: 2 });
  });
});
