/** From a VMSnapshot to its VM, the connection of the VM's Provider, and what is asked for. Reads no Proxmox VE. */
import { DRY_RUN, type VirtualMachine, type VMSnapshot } from '../../../src/api/index.ts';
import { vmid } from '../../../src/lib/units.ts';
import type { ObjectReader, Readable } from '../../../src/runtime/controller.ts';
import type { Connection } from '../../shared/cluster/connections.ts';
import { reach, type Reached, type ReachPorts } from '../../shared/cluster/reach.ts';
import { Reasons } from '../../shared/errors/reasons.ts';
import { follow } from '../../shared/objects/references.ts';
import type { Unresolved } from '../../shared/objects/unresolved.ts';
import type { Blocked } from '../model/blocked.ts';
import type { Desired } from '../model/desired.ts';
import type { LeftBehind } from '../model/plan.ts';
import { describeSnapshot, printIdentity } from '../../shared/guests/snapshot-identity.ts';
import { namesFor } from '../naming/names.ts';
import { fateOf } from './fate.ts';
import { isDeletionDenied, notGrantedPolicy } from './granted.ts';
import { becomes, leftBehind, leftWith, snapshotIn } from './leaving.ts';

export interface ResolvePorts extends ReachPorts {
  readonly clusterId: string;
  readonly vms: ObjectReader<VirtualMachine>;
  /** The VMSnapshots of a VM. */
  readonly snapshotsOf: (namespace: string, vm: string) => readonly Readable<VMSnapshot>[];
}

export interface Resolved {
  readonly want: Desired;
  readonly vm: VirtualMachine;
  readonly connection: Connection;
  /** All VMSnapshots of the VM. */
  readonly siblings: readonly Readable<VMSnapshot>[];
}

export type Resolution =
  | { readonly kind: 'resolved'; readonly resolved: Resolved }
  /** The object is being deleted, and nothing is to be done in Proxmox VE. */
  | { readonly kind: 'released'; readonly left?: LeftBehind | undefined }
  /** The VM was deleted after the snapshot was asked for. */
  | { readonly kind: 'vmDeleted'; readonly message: string; readonly left?: LeftBehind | undefined }
  /** `managementPolicy` of the VM: nobody looks. */
  | { readonly kind: 'paused'; readonly message: string }
  | { readonly kind: 'unresolved'; readonly missing: Unresolved };

const isDeleting = ({ metadata }: Pick<VMSnapshot, 'metadata'>): boolean =>
  metadata.deletionTimestamp !== undefined;

const isAsked = ({ status }: VMSnapshot): boolean => status?.snapshotName !== undefined;

/** The VM that the snapshot is, or is to be, of. Another one of the same name is not it. */
export function vmOf(
  { metadata: { namespace }, spec, status }: VMSnapshot,
  vms: ObjectReader<VirtualMachine>,
): Readable<VirtualMachine> | undefined {
  const vm = vms.partial(namespace, spec.vmRef.name);
  const uid = status?.internal?.vmUID;
  return uid !== undefined && vm?.metadata.uid !== uid ? undefined : vm;
}

export function resolve(snapshot: VMSnapshot, ports: ResolvePorts): Resolution {
  const vm = vmOf(snapshot, ports.vms);
  return isDeleting(snapshot)
    ? (releaseOf(snapshot, vm, ports) ?? resolveWith(snapshot, ports))
    : (vmGone(snapshot, vm, ports) ?? resolveWith(snapshot, ports));
}

/** What needs no Proxmox VE: the VM takes its snapshots along, or they are to stay. */
function releaseOf(
  snapshot: VMSnapshot,
  vm: Readable<VirtualMachine> | undefined,
  ports: ResolvePorts,
): Resolution | undefined {
  const released = (left?: LeftBehind): Resolution => ({ kind: 'released', left });
  if (!vm) return released();
  if (snapshot.spec.deletionPolicy === 'Retain') return released(leftBehind(snapshot, 'retained'));
  if (vm.metadata.deletionTimestamp !== undefined) return released(leftWith(snapshot, fateOf(vm, ports)));
  if (vm.spec.managementPolicy === 'ObserveOnly') return released(leftBehind(snapshot, 'observeOnly'));
  return undefined;
}

function vmGone(
  snapshot: VMSnapshot,
  vm: Readable<VirtualMachine> | undefined,
  ports: ResolvePorts,
): Resolution | undefined {
  const { name } = snapshot.spec.vmRef;
  if (!isAsked(snapshot)) return undefined;
  if (!vm)
    return {
      kind: 'vmDeleted',
      message: `VirtualMachine ${name} was deleted. If its VM in Proxmox VE was destroyed with it, so was this snapshot; if it was retained, ${snapshotIn(snapshot)} is still there and no longer managed. This object can be deleted.`,
    };
  if (vm.metadata.deletionTimestamp === undefined) return undefined;
  const fate = fateOf(vm, ports);
  return {
    kind: 'vmDeleted',
    message: `VirtualMachine ${name} is being deleted. ${becomes(snapshot, fate)}`,
    left: leftWith(snapshot, fate),
  };
}

function resolveWith(snapshot: VMSnapshot, ports: ResolvePorts): Resolution {
  const { metadata, spec } = snapshot;
  const followed = follow(ports.vms, spec.vmRef, {
    namespace: metadata.namespace,
    kind: 'VirtualMachine',
    field: 'spec.vmRef',
    notFound: Reasons.vmNotFound,
  });
  if (!followed.ok) return unresolved(snapshot, followed);
  const vm = followed.object;
  if (vm.metadata.deletionTimestamp !== undefined)
    return unresolved(
      snapshot,
      vmNotReady(`VirtualMachine ${spec.vmRef.name} is being deleted, so no snapshot is taken.`),
    );
  if (vm.spec.managementPolicy === 'Paused') return { kind: 'paused', message: pausedMessage(snapshot) };
  const number = snapshot.status?.internal?.vmid ?? vm.status?.vmid;
  if (number === undefined)
    return unresolved(
      snapshot,
      vmNotReady(
        `VirtualMachine ${spec.vmRef.name} has no VM in Proxmox VE yet; its condition Ready says why. The snapshot is taken once it is created.`,
      ),
    );
  const reached = reach(vm, ports);
  if (!reached.ok) return unresolved(snapshot, reached);
  if (isDeleting(snapshot) && isDeletionDenied(vm, reached.grant))
    return { kind: 'released', left: leftBehind(snapshot, 'notGranted') };
  return {
    kind: 'resolved',
    resolved: {
      vm,
      connection: reached.connection,
      siblings: ports.snapshotsOf(metadata.namespace, spec.vmRef.name),
      want: desiredOf(snapshot, vm, { reached, number, clusterId: ports.clusterId }),
    },
  };
}

const vmNotReady = (message: string): Unresolved => ({ ok: false, reason: 'VMNotReady', message });

/** Nothing was asked for yet, so whatever is missing keeps nobody from deleting the object. */
const unresolved = (snapshot: VMSnapshot, missing: Unresolved): Resolution =>
  isDeleting(snapshot) && !isAsked(snapshot) && missing.early !== true
    ? { kind: 'released' }
    : { kind: 'unresolved', missing };

const pausedMessage = (snapshot: VMSnapshot): string =>
  `managementPolicy of VirtualMachine ${snapshot.spec.vmRef.name} is Paused, so the operator neither reads nor changes its snapshots. ` +
  (isDeleting(snapshot)
    ? 'Set it to Full to delete the snapshot, or set spec.deletionPolicy of this object to Retain to delete only the object.'
    : 'Set it to Full to go on.');

interface Way {
  readonly reached: Extract<Reached, { ok: true }>;
  readonly number: number;
  readonly clusterId: string;
}

function desiredOf(snapshot: VMSnapshot, vm: VirtualMachine, { reached, number, clusterId }: Way): Desired {
  const { metadata, spec } = snapshot;
  const { namespace, name, uid } = metadata;
  const line = printIdentity({ cluster: clusterId, namespace, name, uid });
  return {
    exists: !isDeleting(snapshot),
    owner: { cluster: clusterId, namespace, name: vm.metadata.name, uid: vm.metadata.uid },
    uuid: vm.status?.internal?.uuid,
    vmid: vmid(number),
    uid,
    line,
    names: namesFor({ namespace, name, uid }),
    description: describeSnapshot(spec.description, line),
    memory: spec.includeMemory ?? false,
    deadline: deadlineOf(snapshot),
    restraint: restraintOf(snapshot, vm, reached),
  };
}

/** Epoch ms; `undefined`: none. */
export const deadlineOf = ({
  metadata: { creationTimestamp },
  spec: { failureDeadline },
}: VMSnapshot): number | undefined =>
  failureDeadline === undefined || creationTimestamp === undefined
    ? undefined
    : Date.parse(creationTimestamp) + failureDeadline;

function restraintOf(
  snapshot: VMSnapshot,
  vm: VirtualMachine,
  { grant, refused }: Extract<Reached, { ok: true }>,
): Blocked | undefined {
  const { name, annotations } = vm.metadata;
  if (vm.spec.managementPolicy === 'ObserveOnly')
    return {
      reason: 'ObserveOnly',
      message: `managementPolicy of VirtualMachine ${name} is ObserveOnly, so the operator takes no snapshot of it. Set it to Full to have it taken.`,
    };
  if (annotations[DRY_RUN] === 'true')
    return {
      reason: 'DryRun',
      message: `VirtualMachine ${name} has the annotation ${DRY_RUN}: "true", so nothing is changed in Proxmox VE, and its snapshots are neither taken nor deleted. Remove the annotation to go on.`,
    };
  if (refused) return refused;
  return isDeleting(snapshot) ? undefined : notGrantedPolicy(snapshot, grant);
}
