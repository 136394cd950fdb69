/** One PVE cluster as placement policies see it: what is where, and whose rules apply. Pure. */
import type { PlacementTerm, VirtualMachine } from '../../../src/api/index.ts';
import type { View } from '../../../src/pve/index.ts';
import type { Readable } from '../../../src/runtime/controller.ts';
import type { Connection, Connections } from '../cluster/connections.ts';
import type { Reservation } from '../cluster/ledger.ts';
import { policyReference, type PolicyReaders } from './policies.ts';
import { providerOf } from '../objects/provider-of.ts';

type VM = Readable<VirtualMachine>;

export interface Site {
  readonly view: View;
  /** Where VMs are to be, as the ledger knows it, by uid. */
  readonly destinations: ReadonlyMap<string, Pick<Reservation, 'node' | 'vmid'>>;
  /** Whether the VM is in this cluster. `unknown`: its Provider is not connected. */
  readonly isHere: (vm: VM) => boolean | 'unknown';
  /** What the VM's own policy keeps it apart from, if that is in its namespace. */
  readonly antiAffinityOf: (vm: VM) => readonly PlacementTerm[] | undefined;
}

export interface SitePorts extends PolicyReaders {
  readonly connections: Connections;
}

/** The answers hold for one turn of the event loop. Thousands of VMs share a Provider and a policy: each is looked up once. */
export function siteOf({ ledger }: Pick<Connection, 'ledger'>, view: View, ports: SitePorts): Site {
  const isHere = onceBy((namespace, name): boolean | 'unknown' => {
    const connection = ports.connections.get(namespace, name);
    return connection ? connection.ledger === ledger : 'unknown';
  });
  const antiAffinity = onceBy((namespace, name) => ports.policies.get(namespace, name)?.spec.antiAffinity);
  const providers = { partial: onceBy((namespace, name) => ports.providers.partial(namespace, name)) };
  return {
    view,
    destinations: ledger.destinations(view),
    isHere(vm) {
      const { namespace, name } = providerOf(vm);
      return isHere(namespace, name);
    },
    antiAffinityOf(vm) {
      const reference = policyReference(vm, { providers });
      return reference?.namespace === vm.metadata.namespace
        ? antiAffinity(reference.namespace, reference.name)
        : undefined;
    },
  };
}

type Lookup<T> = (namespace: string, name: string) => T;

function onceBy<T>(of: Lookup<T>): Lookup<T> {
  const known = new Map<string, Map<string, { readonly value: T }>>();
  return (namespace, name) => {
    const inNamespace = known.get(namespace) ?? new Map<string, { readonly value: T }>();
    known.set(namespace, inNamespace);
    const found = inNamespace.get(name) ?? { value: of(namespace, name) };
    inNamespace.set(name, found);
    return found.value;
  };
}
