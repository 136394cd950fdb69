/** From a VM to the connection of its Provider, and what its namespace may use of that. */
import type { Provider, VirtualMachine } from '../../../src/api/index.ts';
import type { ObjectReader } from '../../../src/runtime/controller.ts';
import type { Connection, Connections } from '../../shared/cluster/connections.ts';
import { Reasons } from '../../shared/errors/reasons.ts';
import { closedGrant, grantOf, type Grant } from '../../shared/grants/grants.ts';
import { follow } from '../../shared/objects/references.ts';
import type { Unresolved } from '../model/desired.ts';

export interface ReachPorts {
  readonly providers: ObjectReader<Provider>;
  readonly connections: Connections;
}

export type Reached =
  | {
      readonly ok: true;
      readonly provider: Provider;
      readonly connection: Connection;
      readonly grant: Grant;
      /** The Provider no longer admits the namespace. */
      readonly refused?: Unresolved;
    }
  | Unresolved;

/** The way to PVE. A VM with a VMID can be switched off and deleted also if its Provider no longer admits the namespace. */
export function reach(vm: VirtualMachine, { providers, connections }: ReachPorts): Reached {
  const { namespace } = vm.metadata;
  const { providerRef } = vm.spec;
  const followed = follow(providers, providerRef, {
    namespace,
    kind: 'Provider',
    notFound: Reasons.providerNotFound,
    allows: (provider) => grantOf(provider, namespace) !== undefined,
  });
  const held =
    vm.status?.vmid === undefined
      ? undefined
      : providers.get(providerRef.namespace ?? namespace, providerRef.name);
  const provider = followed.ok ? followed.object : held;
  const connection = provider && connections.get(provider.metadata.namespace, provider.metadata.name);
  if (provider && connection) {
    const grant = grantOf(provider, namespace) ?? closedGrant(provider, namespace);
    return { ok: true, provider, connection, grant, ...(!followed.ok && { refused: followed }) };
  }
  return followed.ok ? notReady(followed.object, connections) : followed;
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
