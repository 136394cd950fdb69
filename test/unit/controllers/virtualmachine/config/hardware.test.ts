import { describe, expect, test } from '@jest/globals';
import fc from '../../../../builders/fast-check.ts';
import { firmwareDifferences } from '../../../../../controllers/virtualmachine/config/firmware.ts';
import {
  hardwareAtCreation,
  hardwareLater,
} from '../../../../../controllers/virtualmachine/config/hardware.ts';
import type { Keys } from '../../../../../controllers/shared/guests/keys.ts';
import type { GuestConfig } from '../../../../../controllers/shared/guests/model.ts';
import { plugsMemory } from '../../../../../controllers/virtualmachine/config/memory-modules.ts';
import { cpusOf, memoryMiBOf } from '../../../../../controllers/virtualmachine/config/size.ts';
import { parseProperties, property } from '../../../../../src/pve/index.ts';
import { bytes, GiB, MiB } from '../../../../../src/lib/units.ts';
import { foreignKeys } from '../../../../builders/arbitrary-worlds.ts';
import { configured } from '../../../../builders/guest-model.ts';
import { aGuest, aMark, aDesiredVm, configOf, TEMPLATE_CONFIG } from '../../../../builders/guests.ts';
import { UID } from '../../../../builders/objects.ts';
import { modules } from '../../../../fakepve/memory.ts';

type Shape = Parameters<typeof aDesiredVm>[0];

const atCreation = (config: GuestConfig, want: Shape = {}, maxCpus = 8): Keys =>
  hardwareAtCreation(aDesiredVm(want), { ...TEMPLATE_CONFIG, ...config }, { maxCpus, nodeCpus: 16 });
const later = (config: GuestConfig, want: Shape = {}): Keys =>
  hardwareLater(aDesiredVm(want), aGuest({ config: configOf(aMark(), config) }), {
    maxCpus: 8,
    nodeCpus: 16,
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

  test('of a copy is that of its source, whatever its class says, and a difference is reported', () => {
    const want = {
      isCopy: true,
      bios: 'ovmf',
      machine: 'q35',
      osType: 'win11',
      scsiController: 'pvscsi',
    } as const;
    const { set } = atCreation({}, want);
    for (const key of ['bios', 'machine', 'ostype', 'scsihw', 'efidisk0'])
      expect(set).not.toHaveProperty(key);
    const differences = firmwareDifferences(aDesiredVm(want), configOf());
    expect(differences).toHaveLength(4);
    expect(differences[0]).toBe(
      'The firmware is seabios, but the class asks for ovmf. A copy keeps that of its source, on which its system was installed: use a class that asks for none, or for that of the VM.',
    );
  });

  test('is never changed later, but a difference is reported', () => {
    const want = { bios: 'ovmf', machine: 'q35' } as const;
    expect(later({}, want)).toEqual({ set: {}, delete: [] });
    expect(firmwareDifferences(aDesiredVm(want), configOf())).toHaveLength(2);
    expect(firmwareDifferences(aDesiredVm(), configOf(aMark(), { bios: 'ovmf' }))).toEqual([]);
  });

  test('of a class with a TPM gives a new guest one where its root disk is, and keeps that of the template', () => {
    expect(atCreation({}, { tpm: 'v2.0' }).set).toMatchObject({ tpmstate0: 'local-lvm:1,version=v2.0' });
    expect(atCreation({})).not.toHaveProperty('set.tpmstate0');
    const has = { tpmstate0: 'tank:vm-9000-disk-3,size=4M,version=v2.0' };
    expect(atCreation(has, { tpm: 'v2.0' }).set).not.toHaveProperty('tpmstate0');
    expect(firmwareDifferences(aDesiredVm({ tpm: 'v2.0' }), configOf(aMark(), has))).toEqual([]);
  });

  test('never adds a TPM to a guest that exists, but reports that it has none', () => {
    expect(later({}, { tpm: 'v2.0' })).toEqual({ set: {}, delete: [] });
    expect(firmwareDifferences(aDesiredVm({ tpm: 'v2.0' }), configOf())).toEqual([
      expect.stringContaining('A TPM is added only when a VM is created'),
    ]);
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
    expect(firmwareDifferences(aDesiredVm({ machine }), config)).toEqual(differences);
  });
});

describe('the guest agent', () => {
  test.each([
    ['', 'enabled=1'],
    ['0', 'enabled=1'],
    ['enabled=0', 'enabled=1'],
    ['0,fstrim_cloned_disks=1', 'enabled=1,fstrim_cloned_disks=1'],
    ['type=isa,enabled=0', 'enabled=1,type=isa'],
  ])('is enabled in "%s", and the other options are kept', (text, expected) => {
    expect(later({ agent: text }).set).toEqual({ agent: expected });
  });

  test.each(['1', 'enabled=1', 'fstrim_cloned_disks=1,enabled=1', '1,type=isa'])(
    'is left alone in "%s"',
    (text) => {
      expect(later({ agent: text }).set).toEqual({});
    },
  );

  test.each([undefined, '', '0', 'enabled=0,type=isa'])(
    'stays as it is in an adopted VM ("%s"), unless the spec has a hook, which needs it',
    (text) => {
      const adopted = {
        smbios1: 'uuid=11111111-2222-3333-4444-555555555555',
        ...(text !== undefined && { agent: text }),
      };
      const { agent: _ours, ...config } = configOf(aMark(), adopted);
      const change = (want: Shape) =>
        hardwareLater(aDesiredVm(want), aGuest({ config: { ...config, ...adopted } }), {
          maxCpus: 8,
          nodeCpus: 16,
        });
      expect(change({})).toEqual({ set: {}, delete: [] });
      expect(change({ hooks: { postStart: ['true'] } }).set).toHaveProperty('agent');
    },
  );
});

describe('memory that the node does not have', () => {
  const onNode = (gib: number, want: Shape, running = true): Keys =>
    hardwareLater(aDesiredVm(want), aGuest({ running }), {
      maxCpus: 8,
      nodeCpus: 16,
      nodeMemory: bytes(gib * GiB),
    });

  test.each([true, false])(
    'is not written, because the guest could not start again (running: %s)',
    (running) => {
      expect(onNode(64, { memory: bytes(65 * GiB) }, running)).toEqual({ set: {}, delete: [] });
      expect(onNode(64, { memory: bytes(64 * GiB) }, running).set).toEqual({ memory: 64 * 1024 });
    },
  );

  test('counts with the maximum that the guest gets at its next start', () => {
    const want = { memory: bytes(4 * GiB), maxMemory: bytes(65 * GiB) };
    expect(onNode(64, want)).toEqual({ set: {}, delete: [] });
    expect(onNode(65, want).set).toMatchObject({ memory: 65 * 1024, balloon: 4096 });
  });

  test('keeps no other change back', () => {
    expect(onNode(64, { memory: bytes(65 * GiB), cpus: 3 }).set).toEqual({ vcpus: 3 });
  });

  test('is not known where the node does not report its memory', () => {
    expect(later({}, { memory: bytes(4096 * GiB) }).set).toEqual({ memory: 4096 * 1024 });
  });
});

test("a new guest gets the object's uid in its SMBIOS table, next to the template's entries", () => {
  const { set } = atCreation({
    smbios1: 'manufacturer=QUNNRQ==,uuid=11111111-2222-3333-4444-555555555555,base64=1',
  });
  expect(set['smbios1']).toBe(`manufacturer=QUNNRQ==,uuid=${UID},base64=1`);
});

test("a new guest loses its template's tags", () => {
  expect(atCreation({ tags: 'a;b' }).delete).toContain('tags');
  expect(atCreation({}).delete).not.toContain('tags');
});

test('for any template, one write makes a guest as desired that can be started', () => {
  const sizes = fc.record({
    cpus: fc.integer({ min: 1, max: 64 }),
    memory: fc.integer({ min: 16, max: 99_999 }),
    spare: fc.nat(64),
    growth: fc.option(fc.nat(99_999), { nil: undefined }),
  });
  fc.assert(
    fc.property(foreignKeys, sizes, (keys, { cpus, memory, spare, growth }) => {
      const most = memory + (growth ?? 0);
      const want = aDesiredVm({
        cpus,
        memory: bytes(memory * MiB),
        ...(growth !== undefined && { maxMemory: bytes(most * MiB) }),
      });
      const room = { maxCpus: cpus + spare, nodeCpus: 1024 };
      const first = hardwareAtCreation(want, { ...TEMPLATE_CONFIG, ...keys }, room);
      const config = configured(101, { ...TEMPLATE_CONFIG, ...keys }, first.set, first.delete);
      expect(cpusOf(config)).toEqual({ now: cpus, ceiling: cpus + spare });
      expect(memoryMiBOf(config)).toBe(plugsMemory(config) ? modules(most) : most);
      expect(Number(config['balloon'] ?? 0)).toBeLessThanOrEqual(memory);
      if (growth !== undefined) expect(config).toMatchObject({ balloon: String(memory), shares: '0' });
      expect(property(parseProperties(config['agent'] ?? ''), 'enabled', 'enabled')).toBe('1');
      expect(hardwareLater(want, aGuest({ config, running: false }), room)).toEqual({ set: {}, delete: [] });
    }),
  );
});
