import { describe, expect, test } from '@jest/globals';
import fc from '../../../../builders/fast-check.ts';
import type { VirtualMachine } from '../../../../../src/api/index.ts';
import { bootDevices, bootIgnored, bootKeys } from '../../../../../controllers/virtualmachine/cdroms/boot.ts';
import {
  cdromKeys,
  cdromWork,
  insertedVolumes,
  leavingKeys,
} from '../../../../../controllers/virtualmachine/cdroms/drives.ts';
import { cdromDevices } from '../../../../../controllers/virtualmachine/cdroms/slots.ts';
import { driveSlot } from '../../../../../controllers/virtualmachine/cloud-init/slot.ts';
import type { DesiredCdrom } from '../../../../../controllers/virtualmachine/model/cdroms.ts';
import type { GuestConfig } from '../../../../../controllers/shared/guests/model.ts';
import { aDesiredVm, aGuest } from '../../../../builders/guests.ts';
import { aVirtualMachine } from '../../../../builders/objects.ts';

const ISO = 'local:iso/debian.iso';
const INSTALL: DesiredCdrom = { name: 'install', volume: ISO };
const EMPTY = 'none,media=cdrom';
const ROOT = { scsi0: 'local-lvm:vm-101-disk-0,size=10G' };

const vmWith = (cdroms: NonNullable<VirtualMachine['status']>['cdroms'] = []) =>
  aVirtualMachine({ status: { cdroms } });
const guestWith = (config: GuestConfig, change: Partial<Parameters<typeof aGuest>[0]> = {}) =>
  aGuest({ config: { ...ROOT, ...config }, ...change });
const deviceOf = (config: GuestConfig, recorded: Parameters<typeof vmWith>[0] = []): string | undefined =>
  cdromDevices(vmWith(recorded), [INSTALL], guestWith(config)).get('install');

describe('a CD-ROM drive of the spec', () => {
  test.each<[string, GuestConfig, string]>([
    ['the first slot that is free', {}, 'ide0'],
    ['another one where that is taken', { ide0: 'local-lvm:vm-101-disk-1' }, 'sata0'],
    ['the empty drive that a template has', { ide2: EMPTY }, 'ide2'],
    ['the drive that has its image already', { ide2: EMPTY, sata3: `${ISO},media=cdrom,size=1M` }, 'sata3'],
    ['no drive with the image of somebody else', { ide0: 'local:iso/other.iso,media=cdrom' }, 'sata0'],
    ['no drive of cloud-init', { ide0: 'local-lvm:vm-101-cloudinit,media=cdrom' }, 'sata0'],
    ['a SCSI slot on ARM', { arch: 'aarch64' }, 'scsi30'],
  ])('gets %s', (_what, config, device) => {
    expect(deviceOf(config)).toBe(device);
  });

  test('keeps its device, also while the drive is only recorded, unless a disk has taken it', () => {
    const recorded = [{ name: 'install', device: 'sata4' }];
    expect(deviceOf({ ide2: EMPTY }, recorded)).toBe('sata4');
    expect(deviceOf({ sata4: 'local:iso/other.iso,media=cdrom' }, recorded)).toBe('sata4');
    expect(deviceOf({ sata4: 'local-lvm:vm-101-disk-1' }, recorded)).toBe('ide0');
  });

  test('gets the drive of an entry that left the spec, whose image it replaces at once', () => {
    const vm = vmWith([{ name: 'old', device: 'ide0', volume: 'local:iso/old.iso' }]);
    const guest = guestWith({ ide0: 'local:iso/old.iso,media=cdrom' }, { running: true });
    const want = { cdroms: [INSTALL] };
    expect(cdromKeys(vm, want, guest).set).toEqual({ ide0: `${ISO},media=cdrom` });
    expect(leavingKeys(vm, want, guest)).toEqual({ set: {}, delete: [] });
  });

  test('is never where cloud-init data is to go, nor the other way round', () => {
    const guest = guestWith({ ide2: EMPTY });
    const vm = vmWith([{ name: 'install', device: 'ide2' }]);
    expect(driveSlot(vm, guest)).toEqual({ value: 'ide0' });
    const delivered = aVirtualMachine({
      status: { internal: { cloudInit: { mode: 'Image', device: 'ide2' } } },
    });
    expect(cdromDevices(delivered, [INSTALL], guest).get('install')).toBe('ide0');
  });

  test('is written only where its image differs, is known, is on the node, and is granted', () => {
    const keys = (want: Parameters<typeof cdromKeys>[1], config: GuestConfig = {}, missing: string[] = []) =>
      cdromKeys(vmWith(), want, guestWith(config), missing).set;
    expect(keys({ cdroms: [INSTALL] })).toEqual({ ide0: `${ISO},media=cdrom` });
    expect(keys({ cdroms: [INSTALL] }, { ide0: `${ISO},media=cdrom,size=1M` })).toEqual({});
    expect(keys({ cdroms: [{ name: 'install' }] })).toEqual({});
    expect(keys({ cdroms: [INSTALL] }, {}, [ISO])).toEqual({});
    const held = { disks: [], nics: [], cdroms: ['install'], cloudInit: false };
    expect(keys({ cdroms: [INSTALL], held })).toEqual({});
    expect(insertedVolumes(vmWith(), { cdroms: [INSTALL] }, guestWith({}))).toEqual([ISO]);
  });

  test('is recorded before it is written, and says why its image is not inserted', () => {
    const want = { cdroms: [INSTALL] };
    expect(cdromWork(vmWith(), want, undefined)).toMatchObject({
      entries: [{ name: 'install', device: 'ide0' }],
      unrecorded: true,
      differences: [],
    });
    const recorded = vmWith([{ name: 'install', device: 'ide0' }]);
    const missing = cdromWork(recorded, want, guestWith({}), { missing: [ISO] });
    expect(missing).toMatchObject({ unrecorded: false, waiting: ['install'] });
    expect(missing.differences[0]).toContain(`has no ${ISO}`);
    const inserted = guestWith({ ide0: `${ISO},media=cdrom` });
    expect(cdromWork(recorded, want, inserted, { missing: [ISO] })).toMatchObject({
      entries: [{ name: 'install', device: 'ide0', volume: ISO }],
      waiting: [],
    });
  });
});

describe('the drive of an entry that left the spec', () => {
  const vm = vmWith([{ name: 'install', device: 'ide0', volume: ISO }]);
  const keys = (config: GuestConfig, change: Partial<Parameters<typeof aGuest>[0]> = {}) =>
    leavingKeys(vm, {}, guestWith(config, change));
  const FULL = { ide0: `${ISO},media=cdrom` };

  test('is emptied while the VM runs, and removed once it is off', () => {
    expect(keys(FULL, { running: true })).toEqual({ set: { ide0: EMPTY }, delete: [] });
    expect(keys({ ide0: EMPTY }, { running: true })).toEqual({ set: {}, delete: [] });
    expect(keys({ ide0: EMPTY }, { running: false })).toEqual({ set: {}, delete: ['ide0'] });
    expect(keys(FULL, { running: false })).toEqual({ set: {}, delete: ['ide0'] });
  });

  test('is not added at the next start, if it was waiting for it', () => {
    const pending = [{ key: 'ide0', pending: FULL.ide0 }];
    expect(keys(FULL, { running: true, pending })).toEqual({ set: {}, delete: ['ide0'] });
  });

  test('is left alone where a disk or cloud-init data is in its place', () => {
    for (const text of ['local-lvm:vm-101-disk-1', 'local-lvm:vm-101-cloudinit,media=cdrom'])
      expect(keys({ ide0: text }, { running: false })).toEqual({ set: {}, delete: [] });
  });
});

describe('the boot order', () => {
  const nics = [{ name: 'lan', bridge: 'vmbr0' }];
  const BOOT = [{ disk: 'root' as const }, { cdrom: 'install' }, { network: 'lan' }];
  const vm = vmWith([{ name: 'install', device: 'ide0' }]);
  const FULL = {
    ide0: `${ISO},media=cdrom`,
    net0: 'virtio=02:00:00:00:00:01,bridge=vmbr0',
    boot: 'order=scsi0',
  };
  const order = (change: Parameters<typeof aDesiredVm>[0], config: GuestConfig, written = {}) =>
    bootKeys(vm, aDesiredVm({ nics, cdroms: [INSTALL], boot: BOOT, ...change }), guestWith(config), written)
      .set['boot'];

  test('names the devices in order', () => {
    expect(order({}, FULL)).toBe('order=scsi0;ide0;net0');
    expect(order({ boot: BOOT.toReversed() }, FULL)).toBe('order=net0;ide0;scsi0');
    expect(order({}, { ...FULL, boot: 'order=scsi0;ide0;net0' })).toBeUndefined();
    expect(bootKeys(vm, aDesiredVm({ nics }), guestWith(FULL), {}).set).toEqual({});
  });

  test('has the boot disk last where the spec does not list it: the disk is known by the order', () => {
    expect(order({ boot: [{ network: 'lan' }] }, FULL)).toBe('order=net0;scsi0');
    const another = { scsi0: 'local-lvm:vm-101-disk-1', virtio3: 'local-lvm:vm-101-disk-0', net0: FULL.net0 };
    expect(order({ boot: [{ network: 'lan' }] }, { ...another, boot: 'order=virtio3' })).toBe(
      'order=net0;virtio3',
    );
  });

  test('has only devices that the guest has, or gets with the same write: PVE refuses others', () => {
    const bare = { boot: 'order=scsi0' };
    expect(order({}, bare)).toBeUndefined();
    expect(order({}, bare, { ide0: FULL.ide0 })).toBe('order=scsi0;ide0');
  });

  test('is not written for a drive that was emptied and is to be removed: no restart is needed for it', () => {
    const config = { ...FULL, ide0: EMPTY, boot: 'order=scsi0;ide0;net0' };
    expect(order({ cdroms: [] }, config)).toBeUndefined();
    expect(order({ cdroms: [], boot: [{ network: 'lan' }] }, config)).toBe('order=net0;scsi0');
  });

  test('skips what the spec does not have, and says so', () => {
    const spec = { boot: BOOT, cdroms: [], networks: [] };
    expect(bootIgnored(aVirtualMachine({ spec }))).toEqual([
      expect.stringContaining('the CD-ROM drive install'),
      expect.stringContaining('the network lan'),
    ]);
    expect(bootIgnored(aVirtualMachine({ spec: { boot: [{ disk: 'root' }] } }))).toEqual([]);
  });
});

describe('whatever drives a guest has', () => {
  const text = fc.constantFrom(
    EMPTY,
    `${ISO},media=cdrom`,
    'local:iso/other.iso,media=cdrom',
    'local-lvm:vm-101-disk-5,size=1G',
    'local-lvm:vm-101-cloudinit,media=cdrom',
  );
  const device = fc.constantFrom('ide0', 'ide1', 'ide2', 'ide3', 'sata0', 'sata1', 'scsi1');
  const world = fc.record({
    config: fc.dictionary(device, text, { maxKeys: 6 }),
    names: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 4 }),
    recorded: fc.uniqueArray(fc.record({ name: fc.constantFrom('a', 'b', 'c', 'x'), device }), {
      selector: ({ name }) => name,
      maxLength: 3,
    }),
    running: fc.boolean(),
  });
  const isData = (value: string | undefined): boolean =>
    value !== undefined && (!value.includes('media=cdrom') || value.includes('cloudinit'));

  test('no two entries share a device, and neither a disk nor cloud-init data is ever replaced or removed', () => {
    fc.assert(
      fc.property(world, ({ config, names, recorded, running }) => {
        const vm = vmWith(
          recorded.filter((each, n) => recorded.findIndex((one) => one.device === each.device) === n),
        );
        const guest = guestWith(config, { running });
        const want = { cdroms: names.map((name) => ({ name, volume: ISO })) };
        const devices = [...cdromDevices(vm, want.cdroms, guest).values()];
        expect(new Set(devices).size).toBe(devices.length);
        const [keys, leaving] = [cdromKeys(vm, want, guest), leavingKeys(vm, want, guest)];
        const touched = [...Object.keys(keys.set), ...Object.keys(leaving.set), ...leaving.delete];
        for (const key of touched) expect(isData(config[key])).toBe(false);
        expect(
          Object.keys(keys.set).filter((key) => key in leaving.set || leaving.delete.includes(key)),
        ).toEqual([]);
      }),
    );
  });

  test('once the drives are as the spec says, nothing is left to be written', () => {
    fc.assert(
      fc.property(world, ({ config, names, recorded }) => {
        const vm = vmWith(
          recorded.filter((each, n) => recorded.findIndex((one) => one.device === each.device) === n),
        );
        const want = { cdroms: names.map((name) => ({ name, volume: ISO })) };
        const guest = guestWith(config, { running: false });
        const set = cdromKeys(vm, want, guest).set;
        const after = {
          ...guest,
          config: {
            ...guest.config,
            ...Object.fromEntries(Object.entries(set).map(([k, v]) => [k, String(v)])),
          },
        };
        const noted = vmWith([...cdromWork(vm, want, guest).entries]);
        expect(cdromKeys(noted, want, after).set).toEqual({});
        const desired = aDesiredVm({ ...want, boot: names.map((cdrom) => ({ cdrom })) });
        const { boot } = bootKeys(noted, desired, after, {}).set;
        const booted = {
          ...after,
          config: { ...after.config, ...(boot !== undefined && { boot: String(boot) }) },
        };
        expect(bootKeys(noted, desired, booted, {})).toEqual({ set: {}, delete: [] });
        expect(bootDevices(noted, desired, booted, {})).toContain('scsi0');
      }),
    );
  });
});
