import { describe, expect, test } from '@jest/globals';
import {
  appliedDigestOf,
  specDigest,
} from '../../../../../controllers/virtualmachine/config/applied-digest.ts';
import { judgeDrift } from '../../../../../controllers/virtualmachine/config/drift.ts';
import type { Guest } from '../../../../../controllers/shared/guests/model.ts';
import { bytes, GiB } from '../../../../../src/lib/units.ts';
import { aGuest, aMark, aDesiredVm, configOf, type Wanted } from '../../../../builders/guests.ts';
import { aVirtualMachine, UID } from '../../../../builders/objects.ts';

const ROOM = { maxCpus: 8, nodeCpus: 16 };
const digest = (want: Partial<Wanted> = {}, guest: Partial<Guest> = {}): string =>
  specDigest(aDesiredVm(want), aGuest(guest), ROOM);

describe('the digest of the settings', () => {
  test('is the same for the same spec, for any state of the guest', () => {
    const changed = aGuest({ config: configOf(aMark(), { vcpus: '5', memory: '512' }), running: false });
    expect(digest({}, changed)).toBe(digest());
  });

  test('differs for another spec', () => {
    expect(digest({ cpus: 3 })).not.toBe(digest());
    expect(digest({ memory: bytes(4 * GiB) })).not.toBe(digest());
    expect(digest({ nics: [{ name: 'lan', bridge: 'vmbr0' }] })).not.toBe(digest());
  });

  test('does not depend on the order in which the spec is written', () => {
    const nic = { name: 'lan', bridge: 'vmbr0', vlan: 5 };
    expect(digest({ nics: [{ vlan: 5, bridge: 'vmbr0', name: 'lan' }] })).toBe(digest({ nics: [nic] }));
  });

  test('covers neither Secrets nor what is enforced or reverted anyway', () => {
    const secret = { userData: 'password: hunter2', sshKeys: [] };
    expect(digest({ cloudInit: secret, power: 'Off', driftPolicy: 'Revert', graceSeconds: 5 })).toBe(
      digest(),
    );
  });

  test('differs once the guest has the ceiling that its CPUs waited for', () => {
    const config = configOf(aMark(), { cores: '12', vcpus: '8' });
    const waiting = aGuest({ config, pending: [{ key: 'cores', current: '8', pending: '12' }] });
    const restarted = aGuest({ config });
    expect(digest({ cpus: 10 }, waiting)).not.toBe(digest({ cpus: 10 }, restarted));
    expect(digest({ cpus: 10 }, restarted)).toBe(digest({ cpus: 10 }, { config: configOf() }));
  });

  test('differs once the guest is on a node that has what its class asks for', () => {
    const [few, little] = [
      { ...ROOM, nodeCpus: 10 },
      { ...ROOM, nodeMemory: bytes(64 * GiB) },
    ];
    const want = aDesiredVm({ cpus: 12, memory: bytes(65 * GiB) });
    const [atFirst, then] = [few, little].map((room) => specDigest(want, aGuest(), room));
    const fitting = specDigest(want, aGuest(), { ...ROOM, nodeMemory: bytes(128 * GiB) });
    expect(new Set([atFirst, then, fitting]).size).toBe(3);
    expect(fitting).toBe(specDigest(want, aGuest(), ROOM));
  });

  test('differs on a node that the guest does not fit on', () => {
    const small = { maxCpus: 4, nodeCpus: 4 };
    expect(specDigest(aDesiredVm(), aGuest(), small)).not.toBe(digest());
  });
});

/** Fields that write nothing to the guest's configuration, or whose differences are no drift. */
type Uncovered =
  | 'exists'
  | 'owner'
  | 'graceSeconds'
  | 'power'
  | 'creation'
  | 'cloudInit'
  | 'restart'
  | 'driftPolicy'
  | 'restraint'
  | 'host'
  | 'adopt'
  | 'hooks'
  | 'vmid';

/** Every setting that has a part in the digest. A new field does not compile here until it is decided whether it has one. */
const EVERYTHING: Required<Omit<Wanted, Uncovered>> = {
  name: 'web',
  cpus: 3,
  memory: bytes(4 * GiB),
  maxCpus: 8,
  maxMemory: bytes(8 * GiB),
  cpuType: 'host',
  machine: 'q35',
  bios: 'ovmf',
  tpm: 'v2.0',
  rootDisk: bytes(20 * GiB),
  root: { options: { cache: 'writeback', limits: { readIOPS: 100 } }, storageClass: 'fast' },
  disks: [
    {
      name: 'data',
      size: bytes(10 * GiB),
      storage: 'local-lvm',
      storageClass: 'local-lvm',
      options: { discard: true, ssd: true, iothread: true },
      reclaimPolicy: 'Detach',
    },
  ],
  provisioning: 'thin',
  nics: [
    {
      name: 'lan',
      bridge: 'vmbr0',
      model: 'virtio',
      vlan: 5,
      mac: '02:00:00:00:00:01',
      staticIP: { address: '192.0.2.10/24', gateway: '192.0.2.1', dns: ['192.0.2.53'] },
      ipv6: { address: '2001:db8::10/64', gateway: 'fe80::1' },
      settings: { mtu: '9000', firewall: '1', rate: '12.5', trunks: '10;20', link_down: '0' },
    },
  ],
  options: {
    tags: ['a', 'b'],
    description: 'The shop.',
    onBoot: true,
    protection: false,
    startup: { order: 3, up: 30, down: 60 },
  },
};

describe('version 1 of the digest', () => {
  test('never changes: a digest that is in a status stays valid after an upgrade', () => {
    expect(digest()).toBe('v1:f82855269fe10238');
    expect(digest(EVERYTHING)).toBe('v1:68dcfc56414933a2');
  });

  test.each(Object.keys(EVERYTHING))('covers %s', (key) => {
    const other = { ...EVERYTHING, name: 'other', cpus: 1, memory: bytes(GiB), [key]: undefined };
    const usual = { ...EVERYTHING, name: 'other', cpus: 1, memory: bytes(GiB) };
    expect(digest(other)).not.toBe(digest(usual));
  });
});

describe('the digest in a status', () => {
  const vmWith = (appliedDigest: string | undefined, observedGeneration = 1) =>
    aVirtualMachine({
      metadata: { generation: 1 },
      status: {
        internal: { uuid: UID, ...(appliedDigest && { appliedDigest }) },
        observedGeneration,
      },
    });
  const changed = { set: { vcpus: 2 }, delete: [] };
  const judge = (vm: ReturnType<typeof vmWith>) =>
    judgeDrift(changed, aGuest(), {
      digest: digest(),
      applied: appliedDigestOf(vm, aGuest(), digest()),
      policy: 'Report',
    });

  test('of another version is not a changed spec: changes made in Proxmox VE are kept', () => {
    for (const other of ['0123456789abcdef', 'v9:0123456789abcdef'])
      expect(judge(vmWith(other))).toMatchObject({ change: undefined, drift: { reverted: false } });
  });

  test('of another version is outdated where the spec was edited since it was reported', () => {
    expect(judge(vmWith('0123456789abcdef', 0))).toMatchObject({ change: changed });
  });

  test('of this version is compared', () => {
    expect(appliedDigestOf(vmWith('v1:0123456789abcdef'), aGuest(), digest())).toBe('v1:0123456789abcdef');
  });

  test('does not count for a guest that is not configured yet', () => {
    const vm = aVirtualMachine({ status: { cloneType: 'Linked', internal: { appliedDigest: digest() } } });
    const fresh = aGuest({ config: configOf(aMark(), { smbios1: 'uuid=1' }), running: false });
    expect(appliedDigestOf(vm, fresh, digest())).toBeUndefined();
  });
});
