/** Follows `spec.cloneFrom` to the VirtualMachine whose guest is cloned. Reads no Proxmox VE. */
import type { Reason, VirtualMachine, VMSnapshot } from '../../../src/api/index.ts';
import { vmid } from '../../../src/lib/units.ts';
import type { ObjectReader, Readable } from '../../../src/runtime/controller.ts';
import type { Connection, Connections } from '../../shared/cluster/connections.ts';
import { Reasons } from '../../shared/errors/reasons.ts';
import { printIdentity } from '../../shared/guests/snapshot-identity.ts';
import { follow, type Reference } from '../../shared/objects/references.ts';
import { ROOT } from '../disks/slots.ts';
import type { CloneFrom, CloneProblem, CloneSource } from '../model/clone-source.ts';

export interface CloneFromPorts {
  readonly clusterId: string;
  readonly vms: ObjectReader<VirtualMachine>;
  readonly snapshots: ObjectReader<VMSnapshot>;
  readonly connections: Connections;
}

type From = NonNullable<VirtualMachine['spec']['cloneFrom']>;

const problem = (reason: Reason, message: string): CloneProblem => ({ ok: false, reason, message });

/** `undefined`: the spec names no source, or the guest was seen already: its source does not matter any more. */
export function cloneFromOf(
  vm: VirtualMachine,
  connection: Connection,
  ports: CloneFromPorts,
): CloneFrom | undefined {
  const { cloneFrom } = vm.spec;
  const { name, internal } = vm.status ?? {};
  if (!cloneFrom || name !== undefined || internal?.recovered === true) return undefined;
  const found = cloneFrom.snapshotRef
    ? bySnapshot(vm, cloneFrom.snapshotRef, ports)
    : byVm(vm, cloneFrom.vmRef, ports);
  if (!found.ok) return found;
  return (
    notReady(found.vm) ?? elsewhere(vm, found.vm, connection, ports) ?? sourceOf(cloneFrom, found, ports)
  );
}

type Found =
  { readonly ok: true; readonly vm: VirtualMachine; readonly snapshot?: VMSnapshot } | CloneProblem;

const nameOf = (kind: string, { namespace, name }: VirtualMachine['metadata']): string =>
  `${kind} ${namespace}/${name}`;

function byVm(vm: VirtualMachine, reference: From['vmRef'], { vms }: CloneFromPorts): Found {
  const { namespace, name, uid } = vm.metadata;
  const followed = follow(vms, reference ?? { name }, {
    namespace,
    kind: 'VirtualMachine',
    field: 'spec.cloneFrom.vmRef',
    notFound: Reasons.vmNotFound,
  });
  if (!followed.ok) return followed;
  return followed.object.metadata.uid === uid
    ? problem('CloneNotPossible', 'spec.cloneFrom names this VirtualMachine itself. Name the one to clone.')
    : { ok: true, vm: followed.object };
}

function bySnapshot(vm: VirtualMachine, reference: Reference, { vms, snapshots }: CloneFromPorts): Found {
  const followed = follow(snapshots, reference, {
    namespace: vm.metadata.namespace,
    kind: 'VMSnapshot',
    field: 'spec.cloneFrom.snapshotRef',
    notFound: Reasons.snapshotNotFound,
  });
  if (!followed.ok) return followed;
  const { metadata, spec, status } = followed.object;
  const of = nameOf('VMSnapshot', metadata);
  if (metadata.deletionTimestamp !== undefined)
    return problem('SourceNotReady', `${of} is being deleted, so it is not cloned. Name another source.`);
  const uid = status?.internal?.vmUID;
  if (uid !== undefined && vms.partial(metadata.namespace, spec.vmRef.name)?.metadata.uid !== uid)
    return problem('CloneNotPossible', `The VirtualMachine of ${of} was deleted. Name another source.`);
  if (status?.readyToUse !== true || status.snapshotName === undefined)
    return problem(
      'SourceNotReady',
      `${of} is not ready to use; its condition Ready says why. It is cloned once it is.`,
    );
  const owner = vms.get(metadata.namespace, spec.vmRef.name);
  return owner
    ? { ok: true, vm: owner, snapshot: followed.object }
    : problem(
        'SourceNotReady',
        `The VirtualMachine of ${of} cannot be read; its condition Ready says why. It is cloned once it can be.`,
      );
}

function notReady({ metadata, status }: VirtualMachine): CloneProblem | undefined {
  const of = nameOf('VirtualMachine', metadata);
  if (metadata.deletionTimestamp !== undefined)
    return problem('SourceNotReady', `${of} is being deleted, so it is not cloned. Name another source.`);
  const isComplete =
    status?.name !== undefined && (status.createdAt !== undefined || status.cloneType === undefined);
  return isComplete && status.vmid !== undefined
    ? undefined
    : problem(
        'SourceNotReady',
        `${of} has no complete VM in Proxmox VE yet; its condition Ready says why. It is cloned once it has.`,
      );
}

/** Proxmox VE clones within one cluster. */
function elsewhere(
  vm: VirtualMachine,
  source: VirtualMachine,
  { ledger }: Connection,
  { connections }: CloneFromPorts,
): CloneProblem | undefined {
  const [own, its] = [vm, source].map(({ metadata, spec: { providerRef } }) => ({
    namespace: providerRef.namespace ?? metadata.namespace,
    name: providerRef.name,
  }));
  if (!own || !its || (own.namespace === its.namespace && own.name === its.name)) return undefined;
  const of = nameOf('VirtualMachine', source.metadata);
  const connection = connections.get(its.namespace, its.name);
  if (!connection)
    return problem(
      'SourceNotReady',
      `The Provider of ${of} is not connected to Proxmox VE, so it is not known whether ${of} is in the same cluster. It is cloned once that is known.`,
    );
  return connection.ledger === ledger
    ? undefined
    : problem(
        'CloneNotPossible',
        `${of} is not known to be in the Proxmox VE cluster of Provider ${own.namespace}/${own.name}, and Proxmox VE clones within one cluster only. Set spec.providerRef to the Provider of ${of}, or name another source.`,
      );
}

function sourceOf(
  { linked = true }: From,
  { vm, snapshot }: Extract<Found, { ok: true }>,
  { clusterId }: CloneFromPorts,
): CloneSource {
  const { namespace, name, uid } = vm.metadata;
  const { disks = [], internal, vmid: number = 0 } = vm.status ?? {};
  return {
    ok: true,
    of: nameOf('VirtualMachine', vm.metadata),
    owner: { cluster: clusterId, namespace, name, uid },
    uuid: internal?.uuid,
    vmid: vmid(number),
    linked,
    ...(snapshot && {
      snapshot: {
        of: nameOf('VMSnapshot', snapshot.metadata),
        name: snapshot.status?.snapshotName ?? '',
        line: printIdentity({
          cluster: clusterId,
          namespace: snapshot.metadata.namespace,
          name: snapshot.metadata.name,
          uid: snapshot.metadata.uid,
        }),
      },
    }),
    disks: disks.flatMap(({ name: disk, volume }) =>
      disk === ROOT || volume === undefined ? [] : [{ name: disk, volume }],
    ),
  };
}

/** What a VM waits for that is to be a copy of it: `VirtualMachine namespace/name`, `VMSnapshot namespace/name`. */
export function cloneSources({ metadata, spec, status }: Readable<VirtualMachine>): readonly string[] {
  const { vmRef, snapshotRef } = spec.cloneFrom ?? {};
  if (status?.name !== undefined) return [];
  const keyOf = ({ namespace = metadata.namespace, name }: Reference): string => `${namespace}/${name}`;
  return [
    ...(vmRef ? [`VirtualMachine ${keyOf(vmRef)}`] : []),
    ...(snapshotRef ? [`VMSnapshot ${keyOf(snapshotRef)}`] : []),
  ];
}
