/** What a restart by policy depends on beyond the guest itself: the other VMs of its class. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import type { Readable } from '../../../src/runtime/controller.ts';
import type { GuestView, View } from '../../../src/pve/index.ts';
import type { Connection, Connections } from '../../shared/cluster/connections.ts';

export interface ClassPorts {
  readonly connections: Connections;
  /** The VMs that refer to this class. */
  readonly vmsOfClass: (namespace: string, name: string) => readonly Readable<VirtualMachine>[];
}

interface ClassRef {
  readonly namespace: string;
  readonly name: string;
}

const classOf = ({ metadata, spec: { classRef } }: VirtualMachine): ClassRef => ({
  namespace: classRef.namespace ?? metadata.namespace,
  name: classRef.name,
});

/**
 * VMs with the same key are restarted one at a time: those of a class on a PVE cluster, in each namespace. A VM that
 * does not start stops the others, and that is nothing which a namespace may do to another.
 */
export const restartKey = (vm: VirtualMachine, { identity }: Connection): string =>
  JSON.stringify([identity, classOf(vm), vm.metadata.namespace]);

/** Another VM of the class in the same namespace and PVE cluster that should run and does not, or is about to be restarted. */
export function downBeside(
  vm: VirtualMachine,
  { identity, inventory }: Connection,
  { connections, vmsOfClass }: ClassPorts,
): string | undefined {
  const { namespace, name } = classOf(vm);
  const cluster = JSON.stringify(identity);
  const guests = inventory.view()?.guests;
  const other = vmsOfClass(namespace, name).find((each) => {
    if (each.metadata.uid === vm.metadata.uid || !isBeside(each, vm) || !shouldRun(each)) return false;
    const { providerRef } = each.spec;
    const theirs =
      providerRef && connections.get(providerRef.namespace ?? each.metadata.namespace, providerRef.name);
    if (JSON.stringify(theirs?.identity) !== cluster) return false;
    return each.status?.internal?.restart !== undefined || rowOf(each, guests)?.status !== 'running';
  });
  return other && `${other.metadata.namespace}/${other.metadata.name}`;
}

const isBeside = (a: Readable<VirtualMachine>, b: VirtualMachine): boolean =>
  a.metadata.namespace === b.metadata.namespace;

/** It was created, and its spec says that it should run. */
const shouldRun = ({ metadata, spec, status }: Readable<VirtualMachine>): boolean =>
  metadata.deletionTimestamp === undefined &&
  (spec.powerState ?? 'On') === 'On' &&
  status?.name !== undefined;

const rowOf = (
  { status }: Readable<VirtualMachine>,
  guests: View['guests'] | undefined,
): GuestView | undefined => (status?.vmid === undefined ? undefined : guests?.get(status.vmid));
