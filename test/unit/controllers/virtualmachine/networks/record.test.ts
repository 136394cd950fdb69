import { describe, expect, test } from '@jest/globals';
import type { VirtualMachineInternal, VirtualMachineStatus } from '../../../../../src/api/index.ts';
import { configChange } from '../../../../../controllers/virtualmachine/config/change.ts';
import type { GuestConfig } from '../../../../../controllers/shared/guests/model.ts';
import type { DesiredNic } from '../../../../../controllers/virtualmachine/model/desired.ts';
import { originalAfter, surplusNics } from '../../../../../controllers/virtualmachine/networks/devices.ts';
import {
  nicRecordAfter,
  writesUnrecorded,
} from '../../../../../controllers/virtualmachine/networks/record.ts';
import { vmid } from '../../../../../src/lib/units.ts';
import { aDesiredVm, aGuest, aMark, configOf } from '../../../../builders/guests.ts';
import { aVirtualMachine, UID } from '../../../../builders/objects.ts';
import { Life } from '../../../../builders/life.ts';

type Recorded = NonNullable<VirtualMachineInternal['networks']>;

const LAN: DesiredNic = { name: 'lan', bridge: 'vmbr0' };
const DMZ: DesiredNic = { name: 'dmz', bridge: 'vmbr1', settings: { mtu: '1400', link_down: '1' } };
const ROOM = { cloudInit: undefined, maxCpus: 8, nodeCpus: 16 };
const THREE: GuestConfig = {
  net1: 'virtio=02:00:00:00:00:02,bridge=vmbr1',
  net2: 'virtio=02:00:00:00:00:03,bridge=vmbr2',
};

const aVm = (
  networks: Recorded = [],
  status: Partial<VirtualMachineStatus> = {},
  originalNics: readonly string[] = ['net0'],
) =>
  aVirtualMachine({
    status: {
      vmid: vmid(101),
      cloneType: 'Linked',
      createdAt: '2026-03-01T11:00:00Z',
      ...status,
      internal: { uuid: UID, networks, originalNics },
    },
  });
const guestWith = (config: GuestConfig = {}) => aGuest({ config: configOf(aMark(), config) });
const changeOf = (vm: ReturnType<typeof aVm>, nics: readonly DesiredNic[], config: GuestConfig = {}) =>
  configChange(vm, aDesiredVm({ nics }), guestWith(config), ROOM);

describe('interfaces that the spec does not list', () => {
  test('are removed from a VM that we made, however late the list is given', () => {
    const vm = aVm([], {}, ['net0', 'net1', 'net2']);
    expect(changeOf(vm, [LAN], THREE)?.delete).toEqual(['net1', 'net2']);
    expect(changeOf(vm, [], THREE)?.delete).toEqual(['net0', 'net1', 'net2']);
    // The names of networks are reported before anything is removed.
    const named = aVm([{ name: 'lan', device: 'net0' }], {}, ['net0', 'net1', 'net2']);
    expect(changeOf(named, [LAN, DMZ], THREE)?.delete).toEqual(['net2']);
    expect(configChange(aVm(), aDesiredVm(), guestWith(THREE), ROOM)).toBeUndefined();
  });

  test('stay on a VM that was adopted, except for ours, and are reported', () => {
    const adopted = { cloneType: undefined, adopted: true };
    const vm = aVm(
      [
        { name: 'lan', device: 'net0' },
        { name: 'old', device: 'net1' },
      ],
      adopted,
      [],
    );
    expect(changeOf(vm, [LAN], THREE)?.delete).toEqual(['net1']);
    const want = aDesiredVm({ nics: [LAN] });
    expect(surplusNics(vm, want, guestWith(THREE))).toEqual([expect.stringContaining(': net2 (vmbr2).')]);
    expect(surplusNics(vm, aDesiredVm(), guestWith(THREE))).toEqual([]);
    expect(surplusNics(aVm([], {}, ['net0', 'net1', 'net2']), want, guestWith(THREE))).toEqual([]);
  });

  test('stay if somebody added them to a VM that we made, and are reported', () => {
    const vm = aVm([{ name: 'lan', device: 'net0' }], {}, ['net0', 'net1']);
    expect(changeOf(vm, [LAN], THREE)?.delete).toEqual(['net1']);
    const want = aDesiredVm({ nics: [LAN] });
    expect(surplusNics(vm, want, guestWith(THREE))).toEqual([expect.stringContaining(': net2 (vmbr2).')]);
  });

  test('are those that a VM is made with as long as it is being made, and fewer as they are removed', () => {
    const { config } = guestWith(THREE);
    expect(originalAfter(aVm([], { createdAt: undefined }, []), config)).toEqual(['net0', 'net1', 'net2']);
    expect(originalAfter(aVm([], {}, ['net0', 'net5']), config)).toEqual(['net0']);
    expect(originalAfter(aVm([], {}, ['net0', 'net5']), undefined)).toEqual(['net0', 'net5']);
    expect(originalAfter(aVm([], { cloneType: undefined, adopted: true }, []), config)).toEqual([]);
  });
});

describe('an interface or a setting that is to be written', () => {
  const unrecorded = (networks: Recorded, config: GuestConfig = {}) => {
    const [vm, nics] = [aVm(networks), [LAN, DMZ]];
    return writesUnrecorded(vm, aDesiredVm({ nics }), {
      change: changeOf(vm, nics, config),
      config: guestWith(config).config,
    });
  };

  test.each<[string, Recorded, boolean]>([
    ['nothing', [], true],
    ['another device', [{ name: 'dmz', device: 'net5', settings: ['mtu', 'link_down'] }], true],
    ['one of the settings', [{ name: 'dmz', device: 'net1', settings: ['mtu'] }], true],
    [
      'all of it',
      [
        { name: 'lan', device: 'net0' },
        { name: 'dmz', device: 'net1', settings: ['mtu', 'link_down'] },
      ],
      false,
    ],
  ])('is recorded first where status has %s', (_what, networks, expected) => {
    expect(unrecorded(networks)).toBe(expected);
  });

  test('is recorded with what is ours already, and nothing is recorded on the way', () => {
    const want = aDesiredVm({ nics: [LAN, DMZ] });
    const before = [{ name: 'lan', device: 'net0', settings: ['rate'] }];
    const config = { net0: 'virtio=02:00:00:00:00:01,bridge=vmbr0,rate=5' };
    const after = (extend: boolean) =>
      nicRecordAfter(aVm(before), want, { guest: guestWith(config), extend });
    expect(after(false)).toEqual(before);
    expect(after(true)).toEqual([...before, { name: 'dmz', device: 'net1', settings: ['mtu', 'link_down'] }]);
  });
});

describe('what is recorded', () => {
  const dmz = { name: 'dmz', device: 'net1', settings: ['mtu'] };
  const record = (nics: readonly DesiredNic[], config: GuestConfig | undefined) =>
    nicRecordAfter(aVm([dmz]), aDesiredVm({ nics }), {
      guest: config && guestWith(config),
      extend: false,
    });

  test('stays until the guest no longer has it, and while the guest cannot be read', () => {
    expect(record([LAN], { net1: 'virtio=02:00:00:00:00:02,bridge=vmbr1,mtu=1400' })).toEqual([dmz]);
    expect(record([LAN], { net1: 'virtio=02:00:00:00:00:02,bridge=vmbr1' })).toEqual([
      { name: 'dmz', device: 'net1' },
    ]);
    expect(record([LAN], {})).toEqual([]);
    expect(record([LAN], undefined)).toEqual([dmz]);
  });

  test.each([
    ['mtu', 'mtu=1400'],
    ['link_down', 'link_down=1'],
    ['firewall', 'firewall=1'],
  ])('lets the setting %s be removed although no pass has seen it on the guest', (key, text) => {
    const vm = aVm([{ name: 'dmz', device: 'net1', settings: [key] }]);
    const config = { net1: `virtio=02:00:00:00:00:02,bridge=vmbr1,${text}` };
    expect(changeOf(vm, [LAN, { name: 'dmz', bridge: 'vmbr1' }], config)?.set).toEqual({
      net1: 'virtio=02:00:00:00:00:02,bridge=vmbr1',
    });
  });
});

test('in a life of its own, a VM gets the record of its networks with its VMID, and a later one before it is written', async () => {
  const networks = [{ name: 'lan', linkDown: true }];
  const life = new Life({ vm: { spec: { networks } } });
  await life.until(() => life.status.vmid !== undefined);
  expect(life.status.internal?.networks).toEqual([{ name: 'lan', device: 'net0', settings: ['link_down'] }]);
  await life.untilReady();
  life.store.editSpec({ networks: [...networks, { name: 'dmz', mtu: 1400 }] });
  const hasNic = () => life.pve.guestsOf(UID)[0]?.config['net1'] !== undefined;
  const isRecorded = () => life.status.internal?.networks?.some(({ device }) => device === 'net1') === true;
  await life.until(() => isRecorded() || hasNic());
  expect([isRecorded(), hasNic()]).toEqual([true, false]);
  await life.untilReady();
  life.store.editSpec({ networks });
  await life.until(() => life.status.internal?.networks?.length === 1);
  expect(hasNic()).toBe(false);
});
