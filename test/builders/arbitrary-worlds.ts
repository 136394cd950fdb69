/** Any desired state against any state of Proxmox VE, with a liking for the edges. */
import fc, { type Arbitrary } from './fast-check.ts';
import { digestsOf } from '../../controllers/virtualmachine/cloud-init/delivered-digests.ts';
import type { DeliveryStatus } from '../../controllers/virtualmachine/cloud-init/status.ts';
import type { Guest, GuestConfig } from '../../controllers/shared/guests/model.ts';
import type { Claim } from '../../controllers/virtualmachine/model/observed.ts';
import type { Failure, Task, TaskLabel } from '../../controllers/virtualmachine/model/tasks.ts';
import { TASKS } from '../../controllers/virtualmachine/steps/step-info.ts';
import type {
  DesiredCloudInit,
  Desired,
  Hooks,
  DesiredDevice,
  DesiredNic,
  Hardware,
  RestartSettings,
  Options,
} from '../../controllers/virtualmachine/model/desired.ts';
import type { Creation } from '../../controllers/shared/placement/model.ts';
import type { RestartNote } from '../../controllers/virtualmachine/model/restart.ts';
import { isOwn } from '../../controllers/virtualmachine/ownership/identity.ts';
import { placementOf } from '../../controllers/virtualmachine/placement/chosen.ts';
import { smbiosUuidOf } from '../../controllers/shared/guests/identity.ts';
import { describeGuest, type OwnerMark } from '../../controllers/shared/guests/owner-mark.ts';
import type { StorageView } from '../../src/pve/index.ts';
import { omitUndefined } from '../../src/lib/omit-undefined.ts';
import { bytes, GiB, MiB, minutes, nodeName, vmid } from '../../src/lib/units.ts';
import {
  aDigest,
  aNamesake,
  aGuest,
  aMark,
  aDesiredVm,
  configOf,
  CREATION,
  CREATION_AND_MOVE,
  FOREIGN,
  FORMER,
  GONE,
  NO_HA,
  NOW,
  TEMPLATE_CONFIG,
  UPID,
} from './guests.ts';
import { UID } from './objects.ts';
import { pendingAfter } from './guest-model.ts';
import type { World } from './planner-world.ts';
import { isoStorage, onBothNodes } from './views.ts';

const maybe = <T>(arbitrary: Arbitrary<T>): Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });
const often = <T>(usual: Arbitrary<T>, ...rare: readonly Arbitrary<T>[]): Arbitrary<T> =>
  fc.oneof({ weight: 4, arbitrary: usual }, ...rare.map((arbitrary) => ({ weight: 1, arbitrary })));

/** Keys with a value each, some of them missing. */
const someOf = (choices: Readonly<Record<string, readonly string[]>>): Arbitrary<GuestConfig> =>
  fc
    .record(
      Object.fromEntries(Object.entries(choices).map(([key, values]) => [key, fc.constantFrom(...values)])),
      { requiredKeys: [], noNullPrototype: true },
    )
    .map((config) => config as GuestConfig);

/** What a template, or a guest that people touched, may say. */
export const foreignKeys: Arbitrary<GuestConfig> = someOf({
  cores: ['1', '2', '4', '16'],
  sockets: ['1', '2'],
  vcpus: ['1', '2', '3'],
  hotplug: ['0', '1', 'network,disk,usb', 'disk,cpu', 'disk,memory'],
  memory: ['512', '2048', 'current=4096', '2048.5'],
  balloon: ['0', '512', '999999'],
  shares: ['0', '1000'],
  agent: ['1', '0', 'enabled=1,fstrim_cloned_disks=1', 'enabled=0,type=isa', ''],
  bios: ['ovmf', 'seabios'],
  efidisk0: ['local-lvm:vm-9000-disk-2,efitype=4m,size=4M'],
  machine: ['q35', 'pc-q35-9.0', 'type=q35,viommu=intel', 'pc-i440fx-8.1'],
  tags: ['a;b', 'B', 'ours'],
  cpu: ['host', 'kvm64,flags=+aes', 'cputype=x86-64-v2-AES'],
  onboot: ['1', '0'],
  protection: ['0', '1'],
  numa: ['0', '1'],
  vga: ['virtio', 'type=std,memory=64'],
  serial0: ['socket', '/dev/ttyS0'],
  hostpci0: ['mapping=gpu', '0000:01:00.0'],
  startup: ['order=3', '1,up=5', 'up=30,down=60'],
  ide2: [
    'none,media=cdrom',
    'local-lvm:vm-9000-cloudinit,media=cdrom,size=4M',
    'local:iso/x.iso,media=cdrom,size=1G',
  ],
  scsi1: ['local-lvm:vm-9000-cloudinit,media=cdrom', 'local-lvm:vm-9000-disk-7,size=1T'],
  net0: [
    'virtio=BC:24:11:00:00:01,bridge=vmbr0,firewall=1',
    'virtio=BC:24:11:00:00:01,bridge=vmbr0,rate=12.50,trunks=30;10,link_down=1,mtu=1,queues=2',
    'e1000=02:00:00:00:00:01,bridge=vmbr9,tag=7',
  ],
  net1: ['model=virtio,macaddr=02:00:00:00:00:02,bridge=vmbr1'],
  net3: ['virtio=02:00:00:00:00:03,bridge=vmbr2,queues=4'],
  ciuser: ['ubuntu'],
  cipassword: ['**********'],
  ipconfig0: ['ip=dhcp'],
  ipconfig3: ['ip=10.0.0.3/24'],
});

const bootDisks: Arbitrary<GuestConfig> = fc.constantFrom<GuestConfig>(
  { boot: 'order=scsi0;net0', scsi0: 'local-lvm:vm-101-disk-0,size=10G' },
  { boot: 'order=ide2;virtio0', virtio0: 'local-lvm:vm-101-disk-0,iothread=1,size=2252M' },
  { boot: 'cdn', bootdisk: 'sata0', sata0: 'tank:vm-101-disk-0,size=1T' },
  { scsi0: 'local-lvm:vm-101-disk-0' },
);

const nic = (name: string): Arbitrary<DesiredNic> =>
  fc
    .record({
      bridge: fc.constantFrom('vmbr0', 'vmbr1'),
      model: maybe(fc.constantFrom('virtio', 'e1000')),
      vlan: maybe(fc.constantFrom(1, 100)),
      mac: maybe(fc.constantFrom('02:00:00:aa:bb:cc', '02:00:00:AA:BB:DD')),
      staticIP: maybe(
        fc.constantFrom<NonNullable<DesiredNic['staticIP']>>(
          { address: '192.168.1.100/24', gateway: '192.168.1.1', dns: ['192.168.1.53'] },
          { address: 'fd00::10/64', dns: [] },
        ),
      ),
      ipv6: maybe(
        fc.constantFrom<NonNullable<DesiredNic['ipv6']>>(
          { address: 'auto' },
          { address: '2001:db8::10/64', gateway: 'fe80::1' },
        ),
      ),
      settings: maybe(
        fc.record(
          {
            mtu: fc.constantFrom('1', '9000'),
            firewall: fc.constantFrom('0', '1'),
            rate: fc.constantFrom('12.5', '100'),
            trunks: fc.constantFrom('', '10;20-30'),
            link_down: fc.constantFrom('0', '1'),
          },
          { requiredKeys: [], noNullPrototype: true },
        ),
      ),
    })
    .map(({ bridge, ...rest }) => ({ name, bridge, ...omitUndefined(rest) }));

const nics: Arbitrary<readonly DesiredNic[] | undefined> = maybe(
  fc
    .uniqueArray(fc.constantFrom('lan', 'dmz', 'mgmt'), { maxLength: 3 })
    .chain((names) => fc.tuple(...names.map(nic))),
);

const REQUEST = '2026-03-01T11:59:00Z';

const restarts: Arbitrary<RestartSettings | undefined> = maybe(
  fc
    .record({
      policy: maybe(fc.constantFrom('IfRequired' as const, 'MaintenanceWindow' as const)),
      window: fc.constantFrom(
        { schedule: '0 12 * * *', duration: minutes(60) },
        { schedule: '0 2 * * SAT', duration: minutes(60), timeZone: 'Europe/Berlin' },
      ),
      requestedAt: maybe(fc.constantFrom(REQUEST, '2026-03-01T12:00:00Z')),
    })
    .map(omitUndefined),
);

const cloudInit = fc.constantFrom<DesiredCloudInit>(
  { userData: undefined, sshKeys: [] },
  { userData: '#cloud-config\nuser: deploy\n', sshKeys: ['ssh-ed25519 AAAA me'] },
  { userData: '#cloud-config\npackages: [nginx]\n', sshKeys: [] },
  { userData: '#!/bin/sh\ntrue\n', sshKeys: [] },
  { userData: '#!/bin/sh\nfalse\n', sshKeys: [], onChange: 'NextBoot' },
  { userData: '#cloud-config\nuser: me\n', sshKeys: [], onChange: 'NextBoot' },
  { userData: '#cloud-config\nuser: you\n', sshKeys: [], onChange: 'Ignore' },
);

const delivery = often<DeliveryStatus>(
  fc.constant({}),
  fc.record({
    deliveredDigests: fc.constant(
      digestsOf({ ...aDesiredVm(), cloudInit: { userData: '#!/bin/sh\nold\n', sshKeys: [] } }, aDigest),
    ),
    instanceRevision: fc.constantFrom(0, 3),
    consumed: fc.boolean(),
  }),
);

const hooks = fc.constantFrom<Hooks>(
  { postStart: ['up'] },
  { preStop: ['down'] },
  { postStart: ['up'], preStop: ['down'] },
);

const options: Arbitrary<Options> = fc
  .record({
    tags: maybe(fc.constantFrom<readonly string[]>([], ['a'], ['a', 'web'], ['prod'])),
    description: maybe(fc.constantFrom('', 'The shop.', 'Two\nlines.')),
    onBoot: maybe(fc.boolean()),
    protection: maybe(fc.boolean()),
    startup: maybe(
      fc.record({ order: maybe(fc.constant(3)), up: maybe(fc.constant(30)), down: fc.constant(60) }),
    ),
  })
  .map((parts) => omitUndefined(parts));

const hardware = fc.constantFrom<Hardware>(
  { numa: true, serial: 1, vga: { type: 'serial0' }, tablet: false },
  { sockets: 1, serial: 0 },
  { numa: true, hugepages: '2Mi', rng: { source: '/dev/urandom' }, audio: { device: 'AC97' } },
);

const devices = fc.constantFrom<readonly DesiredDevice[]>(
  [],
  [{ kind: 'pci', mapping: 'gpu', flags: { pcie: '1' } }],
  [
    { kind: 'usb', mapping: 'stick', flags: {} },
    { kind: 'pci', mapping: 'gpu', flags: {} },
  ],
);

export const impossibleCreation: Creation = { ok: false, reason: 'NoEligibleNode', message: 'No node can.' };

export const desired: Arbitrary<Extract<Desired, { exists: true }>> = fc
  .record({
    cpus: fc.constantFrom(1, 2, 3, 8),
    memory: fc.constantFrom(bytes(512 * MiB), bytes(2 * GiB), bytes(4 * GiB)),
    maxMemory: maybe(fc.constantFrom(bytes(4 * GiB), bytes(16 * GiB))),
    power: fc.constantFrom('On' as const, 'Off' as const, 'OffGraceful' as const),
    cloudInit,
    nics,
    machine: maybe(fc.constantFrom('q35', 'pc-q35-9.0')),
    bios: maybe(fc.constantFrom('ovmf' as const, 'seabios' as const)),
    rootDisk: maybe(fc.constantFrom(bytes(MiB), bytes(10 * GiB), bytes(40 * GiB), bytes(2048 * GiB))),
    restart: restarts,
    driftPolicy: maybe(fc.constantFrom('Report' as const, 'Revert' as const)),
    options: maybe(options),
    hooks: maybe(hooks),
    host: maybe(fc.constantFrom(nodeName('pve-1'), nodeName('pve-2'))),
    cpuType: maybe(fc.constantFrom('host', 'x86-64-v2-AES')),
    hardware: maybe(hardware),
    devices: maybe(devices),
    creation: often<Creation>(
      fc.constant(CREATION),
      fc.constant(impossibleCreation),
      fc.constant(CREATION_AND_MOVE),
    ),
  })
  .map((parts) => onItsHost(aDesiredVm(omitUndefined(parts))));

/** A guest that is made is made on the node that its spec names. */
function onItsHost<W extends Extract<Desired, { exists: true }>>(desired: W): W {
  if (desired.host === undefined || !desired.creation.ok) return desired;
  return { ...desired, creation: desired.host === CREATION.node ? CREATION : CREATION_AND_MOVE };
}

const marks: Arbitrary<OwnerMark | undefined> = often<OwnerMark | undefined>(
  fc.constant(aMark()),
  fc.constant(FOREIGN),
  fc.constant(FORMER),
  fc.constant(undefined),
);

/** What a running guest was started with, where that differs from its configuration. */
const waiting = often<GuestConfig>(
  fc.constant({}),
  someOf({ cores: ['2', '4', '8'], memory: ['1024', '8192'], agent: ['0'], vga: ['qxl'] }),
);

/** A guest on our number, whosever it is, configured before or fresh from the clone. */
const guests: Arbitrary<Guest> = fc
  .record({
    mark: marks,
    keys: foreignKeys,
    disk: bootDisks,
    isNew: fc.boolean(),
    running: fc.boolean(),
    halted: often(
      fc.constant('running'),
      fc.constantFrom('paused', 'io-error', 'suspended', 'prelaunch', 'odd'),
    ),
    ha: often<Guest['ha']>(
      fc.constant(NO_HA),
      fc
        .constantFrom('started', 'stopped', 'request_stop', 'error', undefined)
        .map((state) => ({ managed: true, state })),
    ),
    lock: often(fc.constant(undefined), fc.constantFrom('clone', 'create', 'backup', 'suspended')),
    digest: fc.constantFrom('d1', 'd2'),
    current: waiting,
  })
  .map(({ mark, keys, disk, isNew, running, halted, ha, lock, digest, current }) => {
    const base: GuestConfig = isNew || !mark ? TEMPLATE_CONFIG : configOf(mark);
    const { scsi0: _disk, boot: _boot, template: _template, ...rest } = base;
    const config: GuestConfig = {
      ...rest,
      ...disk,
      ...keys,
      ...(mark && { description: describeGuest(mark) }),
    };
    const pending = running ? pendingAfter({ config: { ...config, ...current }, pending: [] }, config) : [];
    const state = running ? halted : 'stopped';
    return aGuest({ config, mark, running, state, ha, lock, digest, pending });
  });

const LABELS: readonly TaskLabel[] = [...TASKS.keys()];

const tasks: Arbitrary<Task> = fc
  .tuple(
    fc.constantFrom(...LABELS),
    fc.constantFrom(
      'running' as const,
      'failed' as const,
      'ok' as const,
      'lost' as const,
      'unreachable' as const,
    ),
    fc.nat(600_000),
  )
  .map(([type, state, ageMs]): Task => {
    switch (state) {
      case 'running':
        return { upid: UPID, type, state, ageMs };
      case 'failed':
        return { upid: UPID, type, state, exit: 'it broke' };
      case 'unreachable':
        return { upid: UPID, type, state, node: nodeName('pve-1') };
      case 'ok':
      case 'lost':
        return { upid: UPID, type, state };
      default:
        return state satisfies never;
    }
  });

const failures: Arbitrary<Failure> = fc.record({
  step: fc.constantFrom(...LABELS),
  message: fc.constant('it broke'),
  attempts: fc.integer({ min: 1, max: 9 }),
  at: fc.integer({ min: NOW - 400_000, max: NOW }),
});

const TEMPLATE_UUID = smbiosUuidOf(TEMPLATE_CONFIG)!;

const claims: Arbitrary<Omit<Claim, 'ageMs'>> = fc
  .record({
    vmid: fc.constant(vmid(101)),
    made: fc.boolean(),
    certain: fc.boolean(),
  })
  .chain((claim) =>
    fc.constantFrom(
      claim,
      { ...claim, placement: placementOf(CREATION) },
      { ...claim, placement: placementOf(CREATION), uuid: TEMPLATE_UUID },
      { ...claim, placement: placementOf(CREATION), uuid: UID },
    ),
  );

const storages = often<readonly StorageView[]>(
  fc.constant(onBothNodes(isoStorage())),
  fc.constant([...onBothNodes(isoStorage({ shared: true }, 'nfs')), isoStorage()]),
  fc.constant([]),
);

/** A guest that our own destroy task removed is gone, and a UUID is recorded once a guest was seen; all else may be combined. */
const coherent = (world: World): World => ({
  ...world,
  claim: withSeenUuid(world.claim),
  guest: world.task?.type === 'Destroy' && world.task.state === 'ok' ? undefined : world.guest,
});

function withSeenUuid(claim: World['claim']): World['claim'] {
  if (!claim || claim.made) return claim;
  const { uuid: _uuid, ...rest } = claim;
  return rest;
}

const notes: Arbitrary<RestartNote> = fc.record({
  cause: fc.constantFrom('Requested' as const, 'PendingChanges' as const),
  of: fc.constantFrom(REQUEST, 'changes'),
  at: fc.integer({ min: NOW - 60_000, max: NOW }),
  stopped: fc.boolean(),
});

export const worldsWith = (want: Arbitrary<Desired>): Arbitrary<World> =>
  fc
    .record({
      want,
      template: fc
        .tuple(foreignKeys, bootDisks)
        .map(([keys, disk]) => ({ ...TEMPLATE_CONFIG, ...keys, ...disk })),
      claim: maybe(claims),
      claimedAt: fc.integer({ min: NOW - 120_000, max: NOW }),
      guest: maybe(guests),
      blind: often(fc.constant(false), fc.boolean()),
      task: often(fc.constant(undefined), tasks),
      failure: often<Failure | undefined>(fc.constant(undefined), failures),
      othersTasks: often<readonly string[]>(fc.constant([]), fc.constant([String(UPID)])),
      namesakes: often<World['namesakes']>(
        fc.constant([]),
        fc.constantFrom(aMark(), FORMER, FOREIGN).map((mark) => [aNamesake({ mark, uuid: mark.uid })]),
      ),
      noted: often(
        fc.constant(undefined),
        fc.constantFrom('local:iso/virtrigaud-101-0123.iso', 'gone:iso/virtrigaud-101-4567.iso'),
      ),
      delivery,
      answers: fc.boolean(),
      storages,
      maxCpus: fc.constantFrom(8, 32),
      cloned: fc.boolean(),
      note: often<World['note']>(fc.constant(undefined), notes),
      restartedAt: fc.constantFrom(undefined, REQUEST),
      othersTurn: often(fc.constant(false), fc.boolean()),
      applied: often<World['applied']>(fc.constant(undefined), fc.constantFrom('this', 'other')),
      lockedMs: fc.constantFrom(0, 600_000),
      hook: fc.constant(undefined),
      arrived: fc.constantFrom(undefined, nodeName('pve-1'), nodeName('pve-2')),
      ownTags: fc.constantFrom<readonly string[]>([], ['a'], ['a', 'ours']),
    })
    .map((parts) =>
      coherent({
        now: NOW,
        devices: [],
        disks: [],
        nextVmid: 200,
        volumes: new Set(parts.noted === undefined ? [] : [parts.noted]),
        ...parts,
        // A namesake is seen in a guest's description, so there is that guest.
        guest: parts.namesakes[0]
          ? aGuest({ config: configOf(parts.namesakes[0].mark), node: nodeName('pve-1') })
          : parts.guest,
      }),
    );

/** Ours, and neither locked nor halted nor given up by HA. */
const unhindered = (guest: Guest, mark: OwnerMark): Guest => ({
  ...guest,
  config: { ...guest.config, description: describeGuest(mark) },
  mark,
  lock: undefined,
  state: guest.running ? 'running' : 'stopped',
  ha: guest.ha.state === 'error' ? NO_HA : guest.ha,
});

/** Nobody started it before its first configuration. */
const notEarly = (guest: Guest, { cloned, want: { owner } }: World): Guest =>
  cloned && smbiosUuidOf(guest.config) !== owner.uid
    ? { ...guest, running: false, state: 'stopped', ha: NO_HA, pending: [] }
    : guest;

const proven = (guest: Guest, { want: { owner }, claim }: World): Guest =>
  isOwn(guest, owner, claim && { ...claim, ageMs: 0 })
    ? guest
    : { ...guest, config: { ...guest.config, smbios1: `uuid=${owner.uid}` } };

/** Nothing stands in the way that only a person could move. */
export const unobstructed = (world: World): World => {
  const { guest, claim, want } = world;
  const own = guest && notEarly(proven(unhindered(guest, want.owner), world), world);
  return {
    ...world,
    blind: false,
    namesakes: [],
    storages: onBothNodes(isoStorage()),
    guest: own,
    want: want.exists ? onItsHost({ ...want, creation: CREATION }) : { ...want, protection: false },
    claim: withSeenUuid(claim && { ...claim, made: claim.made && (own !== undefined || !want.exists) }),
  };
};

export const worlds: Arbitrary<World> = worldsWith(
  fc.oneof(
    { weight: 3, arbitrary: desired },
    {
      weight: 1,
      arbitrary: fc.constantFrom<Desired>(
        GONE,
        { ...GONE, protection: true },
        { ...GONE, protection: false },
      ),
    },
  ),
);
