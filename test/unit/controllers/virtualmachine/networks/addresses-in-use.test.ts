import { describe, expect, test } from '@jest/globals';
import fc from '../../../../builders/fast-check.ts';
import {
  exclusiveValues,
  addressConflictOf,
  addressInUse,
  sharedAddress,
} from '../../../../../controllers/virtualmachine/networks/addresses-in-use.ts';
import { ALLOW_DUPLICATES, ALLOW_FROM, type VirtualMachine } from '../../../../../src/api/index.ts';
import {
  aProvider,
  aVirtualMachine,
  readerOf,
  type VirtualMachineChange,
} from '../../../../builders/objects.ts';
import { NO_NAMESPACES } from '../../../../../controllers/shared/grants/namespaces.ts';

type Networks = NonNullable<VirtualMachine['spec']['networks']>;

const at = (address: string): Networks => [{ name: 'lan', staticIP: { address } }];
const named = (name: string, networks: Networks, change: VirtualMachineChange = {}): VirtualMachine =>
  aVirtualMachine({
    ...change,
    metadata: { name, uid: `uid-${name}`, creationTimestamp: '2026-03-01T12:00:00Z', ...change.metadata },
    spec: { networks, ...change.spec },
  });
const FOREIGN = 'a VirtualMachine of another namespace';
const LATER = { metadata: { creationTimestamp: '2026-03-01T13:00:00Z' } };

const PVE = aProvider();
const SAME = aProvider({}, { name: 'same', uid: 'uid-same' }, { clusterID: 'homelab/pve-1,pve-2' });
const OTHER = aProvider({}, { name: 'other', uid: 'uid-other' }, { clusterID: 'office/n1' });
const providers = readerOf({ ...PVE, status: { clusterID: 'homelab/pve-1' } }, SAME, OTHER);

const holderOf = (vm: VirtualMachine, ...all: readonly VirtualMachine[]): string | undefined =>
  addressConflictOf(vm, {
    providers,
    namespaces: NO_NAMESPACES,
    addressed: (value) => [vm, ...all].filter((each) => exclusiveValues(each).includes(value)),
  })?.holder;

describe('what a VM has for itself alone', () => {
  test('is each fixed address and MAC, however it is written', () => {
    const networks: Networks = [
      { name: 'lan', staticIP: { address: '192.0.2.9/24' }, ipv6: { address: '2001:DB8:0::9/64' } },
      { name: 'dmz', mac: '02:00:00:aa:bb:cc', ipv6: { address: 'auto' } },
      { name: 'mgmt' },
    ];
    expect(exclusiveValues(named('web', networks))).toEqual([
      'address 192.0.2.9',
      'address 2001:db8::9',
      'MAC address 02:00:00:AA:BB:CC',
    ]);
  });
});

describe('an address that a VM of another namespace has first', () => {
  const inDefault = { name: 'pve', namespace: 'default' };
  const strangers = (change: VirtualMachineChange = {}) =>
    named('b', at('192.0.2.9/24'), {
      ...change,
      metadata: { namespace: 'team-b' },
      spec: { providerRef: inDefault },
    });
  const own = named('a', at('192.0.2.9/24'), LATER);
  const allowing = readerOf(aProvider({}, { annotations: { [ALLOW_FROM]: 'team-b' } }));

  test('is not held by one that merely names the Provider', () => {
    expect(holderOf(own, strangers())).toBeUndefined();
  });

  test('is not held in a PVE cluster that has the same name and nodes, and another certificate', () => {
    const cluster = (namespace: string, leaf: string) =>
      aProvider({}, { namespace, uid: leaf }, { clusterID: 'homelab/pve-1', clusterCertificate: { leaf } });
    const theirs = named('b', at('192.0.2.9/24'), { metadata: { namespace: 'team-b' } });
    const holder = (leaf: string): string | undefined =>
      addressConflictOf(own, {
        providers: readerOf(cluster('default', 'L1'), cluster('team-b', leaf)),
        namespaces: NO_NAMESPACES,
        addressed: () => [own, theirs],
      })?.holder;
    expect(holder('L1')).toBe(FOREIGN);
    expect(holder('L2')).toBeUndefined();
  });

  test('is held by its guest, and by one that may use the Provider', () => {
    const guest = strangers({ status: { vmid: 101 as never } });
    expect(holderOf(own, guest)).toBe(FOREIGN);
    expect(
      addressConflictOf(own, {
        providers: allowing,
        namespaces: NO_NAMESPACES,
        addressed: () => [own, strangers()],
      }),
    ).toMatchObject({ holder: FOREIGN });
  });

  test('is reported without the name of that VM', () => {
    const conflict = addressConflictOf(own, {
      providers: allowing,
      namespaces: NO_NAMESPACES,
      addressed: () => [own, strangers()],
    })!;
    for (const text of [addressInUse(conflict).message, sharedAddress(conflict)]) {
      expect(text).toMatch(/a VirtualMachine of another namespace/i);
      expect(text).not.toContain('team-b');
    }
  });
});

describe('of two VMs with one address', () => {
  const older = named('b', at('192.0.2.9/24'));
  const younger = named('a', at('192.0.2.9/32'), LATER);

  test('the older object keeps it', () => {
    expect(holderOf(younger, older)).toBe('VirtualMachine default/b');
    expect(holderOf(older, younger)).toBeUndefined();
  });

  test('the first by name keeps it where both are of the same second', () => {
    const twin = named('a', at('192.0.2.9/24'));
    expect([holderOf(older, twin), holderOf(twin, older)]).toEqual(['VirtualMachine default/a', undefined]);
  });

  test('one that has a guest already keeps it, however young it is', () => {
    const made = { ...younger, status: { vmid: 101 as never } };
    expect([holderOf(older, made), holderOf(made, older)]).toEqual(['VirtualMachine default/a', undefined]);
  });

  test('neither waits where their Proxmox VE clusters differ, and one does where only their Providers do', () => {
    const through = (name: string) => named('b', at('192.0.2.9/24'), { spec: { providerRef: { name } } });
    expect(holderOf(younger, through('other'))).toBeUndefined();
    expect(holderOf(younger, through('missing'))).toBeUndefined();
    expect(holderOf(younger, through('same'))).toBe('VirtualMachine default/b');
  });

  test('neither waits for the other where that is allowed', () => {
    const allowed = named('a', at('192.0.2.9/24'), {
      metadata: { ...LATER.metadata, annotations: { [ALLOW_DUPLICATES]: 'true' } },
    });
    expect(holderOf(allowed, older)).toBeUndefined();
  });

  test('a MAC counts like an address, and a VM does not conflict with itself', () => {
    const mac = (name: string, change: VirtualMachineChange = {}) =>
      named(
        name,
        [
          { name: 'lan', mac: '02:00:00:AA:BB:CC' },
          { name: 'dmz', mac: '02:00:00:aa:bb:cc' },
        ],
        change,
      );
    expect(holderOf(mac('z', LATER), mac('y'))).toBe('VirtualMachine default/y');
    expect(holderOf(mac('z'))).toBeUndefined();
  });

  test('of any VMs exactly one is not held up', () => {
    const vms = fc.uniqueArray(
      fc.record({
        name: fc.constantFrom('a', 'b', 'c', 'd'),
        second: fc.nat(1),
        made: fc.boolean(),
      }),
      { selector: ({ name }) => name, minLength: 1 },
    );
    fc.assert(
      fc.property(vms, (described) => {
        const all = described.map(({ name, second, made }) =>
          named(name, at('192.0.2.9/24'), {
            metadata: { creationTimestamp: `2026-03-01T12:00:0${second}Z` },
            ...(made && { status: { vmid: 101 as never } }),
          }),
        );
        const free = all.filter((vm) => holderOf(vm, ...all.filter((each) => each !== vm)) === undefined);
        expect(free).toHaveLength(1);
      }),
    );
  });
});
