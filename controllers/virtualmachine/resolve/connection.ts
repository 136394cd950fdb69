/** The connection of a VM's Provider; for a deletion that is under way also one that outlives the Provider or its Secret. */
import type { Provider, VirtualMachine } from '../../../src/api/index.ts';
import type { ObjectReader } from '../../../src/runtime/controller.ts';
import {
  silence,
  type Connection,
  type Connections,
  type DeletionConnections,
} from '../../shared/cluster/connections.ts';
import { Reasons } from '../../shared/errors/reasons.ts';
import { mayHaveGuest } from '../../shared/objects/may-have-guest.ts';
import { allowsFrom, follow } from '../../shared/objects/references.ts';
import type { Unresolved } from '../model/desired.ts';

export interface ConnectionPorts {
  readonly providers: ObjectReader<Provider>;
  readonly connections: Connections;
  readonly finishing: DeletionConnections;
}

type Connected = { readonly ok: true; readonly connection: Connection } | Unresolved;

export function connectionOf(vm: VirtualMachine, ports: ConnectionPorts): Connected {
  const found = openConnection(vm, ports);
  const silent = found.ok ? silence(found.connection) : undefined;
  return silent ? providerUnreachable(vm.spec.providerRef.name, silent.since) : found;
}

function openConnection(vm: VirtualMachine, ports: ConnectionPorts): Connected {
  const { namespace } = vm.metadata;
  const provider = follow(ports.providers, vm.spec.providerRef, {
    namespace,
    kind: 'Provider',
    notFound: Reasons.providerNotFound,
  });
  if (provider.ok) {
    const { metadata } = provider.object;
    const connection = ports.connections.get(metadata.namespace, metadata.name);
    if (connection) return { ok: true, connection };
  }
  const problem = provider.ok ? notReady(provider.object, ports.connections, namespace) : provider;
  return mayFinish(vm, ports) ? finish(vm, problem, ports) : problem;
}

const providerOf = ({ metadata, spec: { providerRef } }: VirtualMachine) => ({
  name: providerRef.name,
  namespace: providerRef.namespace ?? metadata.namespace,
});

/** A VM of another namespace that has nothing in Proxmox VE may merely name the Provider. */
function mayFinish(vm: VirtualMachine, { providers }: ConnectionPorts): boolean {
  if (vm.metadata.deletionTimestamp === undefined) return false;
  const { namespace, name } = providerOf(vm);
  if (providers.covers?.(namespace) === false) return false;
  if (namespace === vm.metadata.namespace) return true;
  const provider = providers.get(namespace, name);
  return mayHaveGuest(vm) && (!provider || allowsFrom(provider.metadata.annotations, vm.metadata.namespace));
}

function finish(vm: VirtualMachine, problem: Unresolved, { finishing }: ConnectionPorts): Connected {
  const { namespace, name } = providerOf(vm);
  const found = finishing.forDeletion(namespace, name);
  switch (found.kind) {
    case 'open':
      return { ok: true, connection: found.connection };
    case 'opening':
      return {
        ok: false,
        reason: Reasons.providerNotReady,
        message: 'The VM is removed with a copy of the last credentials of its Provider; connecting.',
        early: true,
      };
    case 'failed': {
      // It names servers, which are nothing that other namespaces need to know.
      const why = namespace === vm.metadata.namespace ? `: ${found.message}` : '.';
      const message = `${problem.message} The VM is to be removed with a copy of the last credentials, which failed${why}`;
      return { ...problem, message };
    }
    case 'none':
      return problem;
    default:
      return found satisfies never;
  }
}

/** What the condition of a Provider says is for its own namespace: it names Secrets, servers and VMs there. */
function notReady(provider: Provider, connections: Connections, reader: string): Unresolved {
  const { namespace, name } = provider.metadata;
  const early = connections.isPending(namespace, name);
  const ready = provider.status?.conditions?.find((condition) => condition.type === 'Ready');
  return {
    ok: false,
    reason: Reasons.providerNotReady,
    message:
      ready && ready.status !== 'True'
        ? namespace === reader
          ? `Provider "${name}" is not ready: ${ready.message}`
          : `Provider "${name}" of namespace "${namespace}" is not ready (${ready.reason}). Its condition Ready there says what to do; reconciliation resumes once it is.`
        : `Provider "${name}" is not connected to Proxmox VE yet. Reconciliation resumes once it is.`,
    early,
  };
}

/** The text is the same for all VMs and throughout, so that none of them is written again when the error changes. */
export const providerUnreachable = (name: string, silentSince: number): Unresolved => ({
  ok: false,
  reason: Reasons.providerUnreachable,
  message: `Provider "${name}" does not answer; its condition Ready says why, and reconciliation resumes once it answers.`,
  silentSince,
});
