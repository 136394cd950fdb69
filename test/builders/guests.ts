/** Guests, desired states and what a pass observed, with little in them unless a test says more. */
import type { Guest, GuestConfig, Presence } from '../../controllers/shared/guests/model.ts';
import type { MarkedGuest } from '../../controllers/shared/guests/marks.ts';
import type { Observed } from '../../controllers/virtualmachine/model/observed.ts';
import type { Desired } from '../../controllers/virtualmachine/model/desired.ts';
import type { CloneCreation } from '../../controllers/shared/placement/model.ts';
import { placementOf } from '../../controllers/virtualmachine/placement/chosen.ts';
import { describeGuest, parseMark, type OwnerMark } from '../../controllers/shared/guests/owner-mark.ts';
import { digestWith } from '../../src/lib/hash.ts';
import { bytes, GiB, nodeName, upid, vmid } from '../../src/lib/units.ts';
import { OTHER_UID, UID } from './objects.ts';

export const aDigest = digestWith(new Uint8Array(32));

export const NOW = Date.parse('2026-03-01T12:00:00Z');

export const aMark = (mark: Partial<OwnerMark> = {}): OwnerMark => ({
  cluster: 'cluster-1',
  namespace: 'default',
  name: 'web',
  uid: UID,
  ...mark,
});
export const FOREIGN = aMark({ namespace: 'other', name: 'db', uid: OTHER_UID });
export const FORMER = aMark({ uid: OTHER_UID });

/** As PVE shows a cloud image made into a template. */
export const TEMPLATE_CONFIG: GuestConfig = {
  name: 'ubuntu-22-template',
  template: '1',
  cores: '2',
  memory: '2048',
  boot: 'order=scsi0;net0',
  scsi0: 'local-lvm:base-9000-disk-0,size=10G',
  ide2: 'local-lvm:vm-9000-cloudinit,media=cdrom,size=4M',
  net0: 'virtio=BC:24:11:00:00:01,bridge=vmbr0,firewall=1',
  scsihw: 'virtio-scsi-single',
  smbios1: 'uuid=11111111-2222-3333-4444-555555555555',
};

/** A guest as its first configuration left it. */
export const configOf = (mark: OwnerMark = aMark(), change: GuestConfig = {}): GuestConfig => ({
  name: mark.name,
  description: describeGuest(mark),
  cores: '8',
  vcpus: '2',
  hotplug: 'network,disk,usb,cpu',
  memory: '2048',
  agent: 'enabled=1',
  boot: 'order=scsi0;net0',
  scsi0: 'local-lvm:vm-101-disk-0,size=10G',
  net0: 'virtio=BC:24:11:00:00:01,bridge=vmbr0',
  smbios1: `uuid=${mark.uid}`,
  ...change,
});

export const NO_HA: Guest['ha'] = { managed: false, state: undefined };

export const aGuest = (change: Partial<Guest> = {}): Guest => {
  const config = change.config ?? configOf();
  return {
    vmid: vmid(101),
    node: nodeName('pve-1'),
    mark: parseMark(config['description']),
    lock: config['lock'],
    template: false,
    running: true,
    state: change.running === false ? 'stopped' : 'running',
    ha: NO_HA,
    config,
    digest: 'digest-1',
    pending: [],
    ...change,
  };
};

/** A guest that was found by its mark, under the VMID of `aGuest`. */
export const aNamesake = (change: Partial<MarkedGuest> = {}): MarkedGuest => ({
  vmid: vmid(101),
  node: nodeName('pve-1'),
  mark: aMark(),
  uuid: UID,
  template: false,
  ...change,
});

export const seen = (guest: Partial<Guest> = {}): Presence => ({ kind: 'seen', guest: aGuest(guest) });

export const CREATION: CloneCreation = {
  ok: true,
  template: vmid(9000),
  templateNode: nodeName('pve-1'),
  node: nodeName('pve-1'),
  full: false,
};

/** Cloned beside its template, on local storage, and then moved. */
export const CREATION_AND_MOVE: CloneCreation = {
  ...CREATION,
  node: nodeName('pve-2'),
  full: true,
  moves: true,
  rootStorage: 'local-lvm',
  fullCloneReason: 'the template is on local storage of pve-1',
};

export type Wanted = Extract<Desired, { exists: true }>;

export const aDesiredVm = (change: Partial<Wanted> = {}): Wanted => ({
  exists: true,
  graceSeconds: 60,
  owner: aMark(),
  name: 'web',
  cpus: 2,
  memory: bytes(2 * GiB),
  cloudInit: { userData: undefined, sshKeys: [] },
  power: 'On',
  creation: CREATION,
  ...change,
});

export const GONE: Extract<Desired, { exists: false }> = {
  exists: false,
  owner: aMark(),
  graceSeconds: 60,
  deletionPolicy: 'Delete',
};

export const UPID = upid('UPID:pve-1:000A1B2C:01234567:69A42F40:qmclone:9000:operator@pve!k8s:');

export const aClaim = (claim: Partial<NonNullable<Observed['claim']>> = {}) => ({
  vmid: vmid(101),
  ageMs: 0,
  made: false,
  certain: true,
  placement: placementOf(CREATION),
  ...claim,
});

export const observed = (change: Partial<Observed> = {}): Observed => ({
  now: NOW,
  claim: undefined,
  presence: { kind: 'notMade' },
  task: undefined,
  failure: undefined,
  activeTasks: [],
  lockedMs: 0,
  namesakes: [],
  requestedChanges: [],
  seedVolume: undefined,
  hook: undefined,
  generation: 1,
  ownTags: [],
  bestEffortWrites: [],
  notApplied: [],
  change: undefined,
  disks: undefined,
  ...change,
});
