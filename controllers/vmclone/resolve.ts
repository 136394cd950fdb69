/** From a VMClone to what is copied: its source, and the VM whose spec the copy gets. */
import type { Reason, VirtualMachine, VMClone, VMSnapshot } from '../../src/api/index.ts';
import type { ObjectReader, Resource } from '../../src/runtime/controller.ts';
import { Reasons } from '../shared/errors/reasons.ts';
import { isCreated } from '../shared/objects/is-created.ts';
import { follow, mayUse, notAllowed, type Reference } from '../shared/objects/references.ts';
import type { Refusal, Source } from './model.ts';
import type { VMClonePorts } from './ports.ts';
import { seenFrom } from './seen-from.ts';

type SourceResolution = { readonly ok: true; readonly source: Source } | Refusal;

interface Asking {
  /** Namespace of the VMClone. */
  readonly from: string;
  /** Namespace of the copy, whose reference to the source has to be allowed as well. */
  readonly to: string;
}

type Ports = Pick<VMClonePorts, 'vms' | 'snapshots'>;

/** Of `spec.target`: otherwise the VirtualMachine would be made, and only then wait for it. */
export function classProblem(
  { metadata, spec: { target } }: VMClone,
  to: string,
  { classes }: Pick<VMClonePorts, 'classes'>,
): Refusal | undefined {
  if (!target?.classRef) return undefined;
  const followed = followBoth(
    classes,
    target.classRef,
    { from: metadata.namespace, to },
    { kind: 'VMClass', field: 'spec.target.classRef', notFound: Reasons.classNotFound },
  );
  return followed.ok ? undefined : followed;
}

export function resolveSource(
  { metadata, spec: { sourceVMRef, sourceSnapshotRef, linkedClone } }: VMClone,
  to: string,
  ports: Ports,
): SourceResolution {
  const asking = { from: metadata.namespace, to };
  const linked = linkedClone === undefined ? {} : { linked: linkedClone };
  if (sourceVMRef) return fromVM(sourceVMRef, linked, asking, ports);
  if (sourceSnapshotRef) return fromSnapshot(sourceSnapshotRef, linked, asking, ports);
  return refusal('InvalidSpec', 'spec has neither sourceVMRef nor sourceSnapshotRef. Set one of them.');
}

type Linked = Pick<Source['cloneFrom'], 'linked'>;

function fromVM(ref: Reference, linked: Linked, asking: Asking, { vms }: Ports): SourceResolution {
  const followed = followBoth(vms, ref, asking, {
    kind: 'VirtualMachine',
    field: 'spec.sourceVMRef',
    notFound: Reasons.vmNotFound,
  });
  if (!followed.ok) return followed;
  const { object: vm } = followed;
  return (
    notCloneable(vm) ?? {
      ok: true,
      source: { vm, cloneFrom: { vmRef: seenFrom(asking.to, ref, asking.from), ...linked } },
    }
  );
}

function fromSnapshot(ref: Reference, linked: Linked, asking: Asking, ports: Ports): SourceResolution {
  const found = followBoth(ports.snapshots, ref, asking, {
    kind: 'VMSnapshot',
    field: 'spec.sourceSnapshotRef',
    notFound: Reasons.snapshotNotFound,
  });
  if (!found.ok) return found;
  const { object: snapshot } = found;
  const text = nameOf(snapshot);
  const followed = follow(ports.vms, snapshot.spec.vmRef, {
    namespace: snapshot.metadata.namespace,
    kind: 'VirtualMachine',
    field: 'spec.vmRef of the VMSnapshot',
    notFound: Reasons.vmNotFound,
  });
  if (lostItsVM(snapshot, ports)) return withoutVM(text);
  if (!followed.ok) return followed;
  return (
    notUsable(snapshot) ??
    notCloneable(followed.object) ?? {
      ok: true,
      source: {
        vm: followed.object,
        cloneFrom: { snapshotRef: seenFrom(asking.to, ref, asking.from), ...linked },
      },
    }
  );
}

/** The VMClone refers to it, and so will its copy. */
function followBoth<O extends Resource>(
  reader: ObjectReader<O>,
  ref: Reference,
  { from, to }: Asking,
  target: { readonly kind: string; readonly field: string; readonly notFound: Reason },
): { readonly ok: true; readonly object: O } | Refusal {
  const followed = follow(reader, ref, { namespace: from, ...target });
  if (!followed.ok) return followed;
  const { metadata } = followed.object;
  return mayUse(to, followed.object) ? followed : notAllowed(target.kind, metadata, { namespace: to });
}

const nameOf = ({ kind, metadata }: Resource): string => `${kind} ${metadata.namespace}/${metadata.name}`;

const refusal = (reason: Reason, message: string): Refusal => ({ ok: false, reason, message });

function notUsable(snapshot: VMSnapshot): Refusal | undefined {
  const { metadata, status } = snapshot;
  const text = nameOf(snapshot);
  if (metadata.deletionTimestamp !== undefined)
    return refusal('SourceNotReady', `${text} is being deleted, so it is not cloned. Name another source.`);
  return status?.readyToUse === true
    ? undefined
    : refusal('SourceNotReady', `${text} is not ready to use; its condition Ready says why.`);
}

/** It never gets one again: another VM of that name has other disks. */
function lostItsVM({ metadata, spec, status }: VMSnapshot, { vms }: Pick<Ports, 'vms'>): boolean {
  const uid = status?.internal?.vmUID;
  return uid !== undefined && vms.partial(metadata.namespace, spec.vmRef.name)?.metadata.uid !== uid;
}

const withoutVM = (text: string): Refusal =>
  refusal('CloneNotPossible', `The VirtualMachine of ${text} was deleted. Name another source.`);

function notCloneable(vm: VirtualMachine): Refusal | undefined {
  const text = nameOf(vm);
  if (vm.metadata.deletionTimestamp !== undefined)
    return refusal('SourceNotReady', `${text} is being deleted, so it is not cloned. Name another source.`);
  return isCreated(vm)
    ? undefined
    : refusal(
        'SourceNotReady',
        `${text} does not exist in Proxmox VE yet; its condition Ready says why. It is cloned once it does.`,
      );
}
