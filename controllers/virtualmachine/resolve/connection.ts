/** The connection of a VM's Provider; for a deletion that is under way also one that outlives the Provider or its Secret. */
import type { Provider, VirtualMachine } from '../../../src/api/index.ts';
import type { ObjectReader } from '../../../src/runtime/controller.ts';
import type { Connection, Connections, DeletionConnections } from '../../shared/cluster/connections.ts';
import { Reasons } from '../../shared/errors/reasons.ts';
import { follow } from '../../shared/objects/references.ts';
import type { Unresolved } from '../model/desired.ts';

export interface ConnectionPorts {
  readonly providers: ObjectReader<Provider>;
  readonly connections: Connections;
  readonly finishing: DeletionConnections;
}

type Connected = { readonly ok: true; readonly connection: Connection } | Unresolved;

export function connectionOf(vm: VirtualMachine, ports: ConnectionPorts): Connected {
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
  const problem = provider.ok ? notReady(provider.object, ports.connections) : provider;
  return isGone(problem) || provider.ok ? (finish(vm, problem, ports) ?? problem) : problem;
}

const isGone = ({ reason }: Unresolved): boolean => reason === Reasons.providerNotFound;

/** `undefined`: nothing is known beyond the problem. */
function finish(
  vm: VirtualMachine,
  problem: Unresolved,
  { finishing }: ConnectionPorts,
): Connected | undefined {
  if (vm.metadata.deletionTimestamp === undefined) return undefined;
  const { name, namespace = vm.metadata.namespace } = vm.spec.providerRef;
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
    case 'failed':
      return {
        ...problem,
        message: `${problem.message} The VM is to be removed with a copy of the last credentials, which failed: ${found.message}`,
      };
    case 'none':
      return undefined;
    default:
      return found satisfies never;
  }
}

function notReady(provider: Provider, connections: Connections): Unresolved {
  const { namespace, name } = provider.metadata;
  const early = connections.isPending(namespace, name);
  const ready = provider.status?.conditions?.find((condition) => condition.type === 'Ready');
  return {
    ok: false,
    reason: Reasons.providerNotReady,
    message:
      ready && ready.status !== 'True'
        ? `Provider "${name}" is not ready: ${ready.message}`
        : `Provider "${name}" is not connected to Proxmox VE yet. Reconciliation resumes once it is.`,
    early,
  };
}
