import { describe, expect, test } from '@jest/globals';
import {
  digestsOf,
  recordedDigests,
} from '../../../../../controllers/virtualmachine/config/applied-digest.ts';
import type { PartDigests } from '../../../../../controllers/virtualmachine/model/config.ts';
import type { Guest } from '../../../../../controllers/shared/guests/model.ts';
import { bytes, GiB } from '../../../../../src/lib/units.ts';
import { aGuest, aMark, aDesiredVm, configOf, type Wanted } from '../../../../builders/guests.ts';
import { aVirtualMachine, UID } from '../../../../builders/objects.ts';

const ROOM = { maxCpus: 8, nodeCpus: 16 };
const digests = (want: Partial<Wanted> = {}, guest: Partial<Guest> = {}): PartDigests =>
  digestsOf(aDesiredVm(want), aGuest(guest), ROOM);
const partsThatDiffer = (a: PartDigests, b: PartDigests): string[] =>
  [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((part) => a[part] !== b[part]);

describe('the digests of the settings', () => {
  test('are the same for the same spec, for any state of the guest', () => {
    const changed = { config: configOf(aMark(), { vcpus: '5', memory: '512' }), running: false };
    expect(digests({}, changed)).toEqual(digests());
  });

  test.each<[string, Partial<Wanted>, readonly string[]]>([
    ['CPUs', { cpus: 3 }, ['settings']],
    ['memory', { memory: bytes(4 * GiB) }, ['settings']],
    ['a tag', { options: { tags: ['a'] } }, ['tags']],
    [
      'the startup order',
      { options: { startup: { order: 1, up: undefined, down: undefined } } },
      ['startup'],
    ],
    ['a network', { nics: [{ name: 'lan', bridge: 'vmbr0' }] }, ['networks', 'network lan']],
    ['the size of the root disk', { rootDisk: bytes(20 * GiB) }, ['disk root', 'options of disk root']],
    ['an option of the root disk', { root: { options: { ssd: true } } }, ['options of disk root']],
    [
      'a disk',
      { disks: [{ name: 'data', options: {}, reclaimPolicy: 'Detach' }] },
      ['disk data', 'options of disk data'],
    ],
  ])('differ in one part for other %s', (_what, change, parts) => {
    expect(partsThatDiffer(digests(), digests(change))).toEqual(parts);
  });

  test('do not depend on the order in which the spec is written', () => {
    const nic = { name: 'lan', bridge: 'vmbr0', vlan: 5 };
    expect(digests({ nics: [{ vlan: 5, bridge: 'vmbr0', name: 'lan' }] })).toEqual(digests({ nics: [nic] }));
  });

  test('cover neither Secrets nor what is enforced or reverted anyway', () => {
    const secret = { userData: 'password: hunter2', sshKeys: [] };
    expect(digests({ cloudInit: secret, power: 'Off', driftPolicy: 'Revert', graceSeconds: 5 })).toEqual(
      digests(),
    );
  });

  test('differ once the guest has the ceiling that its CPUs waited for', () => {
    const config = configOf(aMark(), { cores: '12', vcpus: '8' });
    const waiting = { config, pending: [{ key: 'cores', current: '8', pending: '12' }] };
    expect(partsThatDiffer(digests({ cpus: 10 }, waiting), digests({ cpus: 10 }, { config }))).toEqual([
      'settings',
    ]);
    expect(digests({ cpus: 10 }, { config })).toEqual(digests({ cpus: 10 }, { config: configOf() }));
  });

  test('differ once the guest is on a node that has what its class asks for', () => {
    const want = aDesiredVm({ cpus: 12, memory: bytes(65 * GiB) });
    const of = (room: object) => digestsOf(want, aGuest(), { ...ROOM, ...room })['settings'];
    const fitting = of({ nodeMemory: bytes(128 * GiB) });
    expect(new Set([of({ nodeCpus: 10 }), of({ nodeMemory: bytes(64 * GiB) }), fitting]).size).toBe(3);
    expect(fitting).toBe(of({}));
  });

  test('differ on a node that the guest does not fit on', () => {
    const small = { maxCpus: 4, nodeCpus: 4 };
    expect(partsThatDiffer(digestsOf(aDesiredVm(), aGuest(), small), digests())).toEqual(['settings']);
  });
});

/** Fields that write nothing to the guest's configuration, or whose differences are no drift. */
type Uncovered =
  | 'exists'
  | 'owner'
  | 'graceSeconds'
  | 'power'
  | 'creation'
  | 'adoptDenied'
  | 'confirmMark'
  | 'cloudInit'
  | 'restart'
  | 'driftPolicy'
  | 'restraint'
  | 'host'
  | 'adopt'
  | 'held'
  | 'hooks'
  | 'withoutTemplate'
  | 'isCopy'
  | 'boot'
  | 'vmid';

/** Every setting that has a part in the digest. A new field does not compile here until it is decided whether it has one. */
type Covered = Required<Omit<Wanted, Uncovered>>;

/** As the first release with version 2 had them. */
const FIRST: Omit<
  Covered,
  'osType' | 'scsiController' | 'efi' | 'minMemory' | 'hardware' | 'guestAgent' | 'devices'
> = {
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
  cdroms: [{ name: 'install', volume: 'local:iso/debian.iso' }],
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

const EVERYTHING: Covered = {
  ...FIRST,
  osType: 'l26',
  scsiController: 'virtio-scsi-pci',
  efi: { preEnrolledKeys: true, type: '4m' },
  minMemory: bytes(GiB),
  guestAgent: { fstrimClonedDisks: true },
  devices: [{ kind: 'pci', mapping: 'gpu', flags: { pcie: '1' } }],
  hardware: { numa: true, vga: { type: 'virtio' }, hugepages: '2Mi', rng: { source: '/dev/urandom' } },
};

describe('version 2 of the digests', () => {
  test('never changes: digests that are in a status stay valid after an upgrade', () => {
    expect(digests()).toMatchInlineSnapshot(`
     {
       "disk root": "v2:44136fa355b3678a",
       "networks": "v2:74234e98afe7498f",
       "options of disk root": "v2:44136fa355b3678a",
       "settings": "v2:ad52086cf45fbc98",
       "startup": "v2:74234e98afe7498f",
       "tags": "v2:74234e98afe7498f",
     }
    `);
    expect(digests(FIRST)).toMatchInlineSnapshot(`
     {
       "cdrom install": "v2:68a8598b0269f9ab",
       "disk data": "v2:1aa0ae9ea2aabdfd",
       "disk root": "v2:ee64e403f6d0c11b",
       "network lan": "v2:6261693c9d5abdce",
       "networks": "v2:364ee8d7acabcc83",
       "options of disk data": "v2:994a3d2842ca8998",
       "options of disk root": "v2:d463018dd80797cb",
       "settings": "v2:5b2a6a0a1563d95e",
       "startup": "v2:cdafb137883c10b4",
       "tags": "v2:0473ef2dc0d324ab",
     }
    `);
  });

  test.each(Object.keys(EVERYTHING))('covers %s', (key) => {
    const other = { ...EVERYTHING, name: 'other', cpus: 1, memory: bytes(GiB), [key]: undefined };
    const usual = { ...EVERYTHING, name: 'other', cpus: 1, memory: bytes(GiB) };
    expect(digests(other)).not.toEqual(digests(usual));
  });
});

test.each<[string, NonNullable<Wanted['hardware']>]>([
  ['numa', { numa: true }],
  ['sockets', { sockets: 2 }],
  ['vga', { vga: { type: 'virtio' } }],
  ['serial', { serial: 1 }],
  ['audio', { audio: { device: 'AC97' } }],
  ['tablet', { tablet: false }],
])('hardware.%s belongs to the settings', (_field, hardware) => {
  expect(partsThatDiffer(digests({ hardware }), digests())).toEqual(['settings']);
});

test('hardware that only some users may set waits by itself', () => {
  const hardware = { hugepages: '1Gi', rng: { source: '/dev/random' } } as const;
  const parts = digests({ hardware: {} });
  expect(Object.keys(digests({ hardware })).filter((part) => parts[part] === undefined)).toEqual([
    'hugepages',
    'rng0',
  ]);
});

describe('what a status has recorded', () => {
  const now = { settings: 'v2:now', tags: 'v2:now' };
  const recorded = (
    internal: NonNullable<NonNullable<Parameters<typeof aVirtualMachine>[0]>['status']>['internal'],
    observedGeneration = 1,
  ) =>
    recordedDigests(
      aVirtualMachine({
        metadata: { generation: 1 },
        status: { internal: { uuid: UID, ...internal }, observedGeneration },
      }),
      now,
    );

  test('with another version is no changed spec: changes made in Proxmox VE are kept', () => {
    expect(recorded({ appliedDigest: 'v1:0123456789abcdef' })).toEqual(now);
    expect(recorded({ applied: [{ part: 'tags', digest: 'v9:0' }] })).toEqual({ tags: 'v2:now' });
  });

  test('with another version is outdated where the spec was edited since it was reported', () => {
    expect(recorded({ appliedDigest: 'v1:0123456789abcdef' }, 0)).toEqual({});
    expect(recorded({ applied: [{ part: 'tags', digest: 'v9:0' }] }, 0)).toEqual({ tags: 'v9:0' });
  });

  test('with this version is compared, and nothing is as good as nothing', () => {
    expect(recorded({ applied: [{ part: 'tags', digest: 'v2:old' }] })).toEqual({ tags: 'v2:old' });
    expect(recorded({})).toEqual({});
  });
});
