/**
 * From a VM to the connection of its Provider, and what its namespace may use of that. For a deletion that is under way
 * also a connection that outlives the Provider or its Secret.
 */
import { FORCE_DELETE, type Provider, type VirtualMachine } from '../../../src/api/index.ts';
import type { ObjectReader, Readable } from '../../../src/runtime/controller.ts';
import { Reasons } from '../errors/reasons.ts';
import { grantInForce, grantOf, type Grant } from '../grants/grants.ts';
import type { Namespaces } from '../grants/namespaces.ts';
import { mayHaveGuest } from '../objects/may-have-guest.ts';
import { follow, type Followed } from '../objects/references.ts';
import type { Unresolved } from '../objects/unresolved.ts';
import { silence, type Connection, type Connections, type DeletionConnections } from './connections.ts';
import { inOtherCluster, originOf, type Origin } from './origin.ts';
import { providerOf } from '../objects/provider-of.ts';

export interface ReachPorts {
  readonly providers: ObjectReader<Provider>;
  readonly connections: Connections;
  readonly finishing: DeletionConnections;
  readonly namespaces: Namespaces;
}

export type Reached =
  | {
      readonly ok: true;
      /** Absent: it is gone or cannot be read, or it no longer admits the namespace. */
      readonly provider?: Provider | undefined;
      readonly connection: Connection;
      readonly grant: Grant;
      /** The connection was opened with a copy of the last credentials. */
      readonly finishing?: true;
      /** The Provider no longer admits the namespace. */
      readonly refused?: Unresolved;
      /** For status. */
      readonly origin: Origin | undefined;
    }
  | Unresolved;

/** The way to PVE. A VM with a VMID can be switched off and deleted also if its Provider no longer admits the namespace. */
export function reach(vm: VirtualMachine, ports: ReachPorts): Reached {
  const reached = openWay(vm, ports);
  const silent = reached.ok ? silence(reached.connection) : undefined;
  if (!reached.ok || !silent) return reached;
  return reached.finishing
    ? finishingUnreachable(silent.since)
    : providerUnreachable(vm.spec.providerRef.name, silent.since);
}

function openWay(vm: VirtualMachine, ports: ReachPorts): Reached {
  const { namespace } = vm.metadata;
  const undecided = undecidedYet(vm, ports);
  if (undecided) return undecided;
  const followed = followProvider(vm, ports);
  const provider = followed.ok ? followed.object : heldProvider(vm, ports);
  const connection = provider && ports.connections.get(provider.metadata.namespace, provider.metadata.name);
  if (provider && connection) {
    const grant = grantInForce(provider, provider.metadata, from(vm, ports.namespaces));
    const way = { uid: provider.metadata.uid, identity: connection.identity };
    const elsewhere = inOtherCluster(vm, way);
    if (elsewhere) return elsewhere;
    const reached = { ok: true as const, connection, grant, origin: originOf(vm, way) };
    return followed.ok ? { ...reached, provider: followed.object } : { ...reached, refused: followed };
  }
  const problem = followed.ok ? notReady(followed.object, ports.connections, namespace) : followed;
  return mayFinish(vm, ports) ? finish(vm, problem, ports) : problem;
}

const from = (
  { metadata: { namespace } }: VirtualMachine,
  namespaces: Namespaces,
): { readonly namespace: string; readonly namespaces: Namespaces } => ({ namespace, namespaces });

/**
 * While the labels of its Namespace are not known, a VM that would have to be refused waits. Whether the Provider exists,
 * and what it grants, makes no difference to what others read.
 */
function undecidedYet(vm: VirtualMachine, { providers, namespaces }: ReachPorts): Unresolved | undefined {
  const { namespace: reader } = vm.metadata;
  const { namespace, name } = providerOf(vm);
  const provider = providers.partial(namespace, name);
  const isAdmitted = provider !== undefined && grantOf(provider, reader, namespaces) !== undefined;
  if (namespace === reader || isAdmitted || namespaces.labelsOf(reader) !== 'unread') return undefined;
  return {
    ok: false,
    reason: Reasons.providerNotReady,
    message: `Whether VMs of namespace ${reader} may use Provider ${namespace}/${name} depends on the labels of its Namespace, which have not been read yet. Reconciliation resumes once they are. If this lasts, check that the ClusterRole of the operator lets it list and watch namespaces.`,
    early: true,
  };
}

const followProvider = (vm: VirtualMachine, { providers, namespaces }: ReachPorts): Followed<Provider> =>
  follow(providers, vm.spec.providerRef, {
    namespace: vm.metadata.namespace,
    kind: 'Provider',
    field: 'spec.providerRef',
    notFound: Reasons.providerNotFound,
    allows: (provider) => grantOf(provider, vm.metadata.namespace, namespaces) !== undefined,
    allowed: waysToAdmit(vm, namespaces),
  });

const waysToAdmit = ({ metadata: { namespace } }: VirtualMachine, { mayBeRead }: Namespaces): string =>
  mayBeRead
    ? `add namespace ${namespace} to spec.grants, by its name or by a selector of its labels, or to `
    : `add namespace ${namespace} to spec.grants by its name (a selector admits nobody, because this operator watches single namespaces and may not read Namespaces), or to `;

/** That of a VM that may have something in PVE, whether or not it can be read and still admits the namespace. */
function heldProvider(vm: VirtualMachine, { providers }: ReachPorts): Readable<Provider> | undefined {
  if (!mayHaveGuest(vm)) return undefined;
  const { namespace, name } = providerOf(vm);
  return providers.covers?.(namespace) === false ? undefined : providers.partial(namespace, name);
}

/** A VM of another namespace that has nothing in Proxmox VE may merely name the Provider. */
function mayFinish(vm: VirtualMachine, { providers }: ReachPorts): boolean {
  if (vm.metadata.deletionTimestamp === undefined) return false;
  const { namespace } = providerOf(vm);
  if (providers.covers?.(namespace) === false) return false;
  return namespace === vm.metadata.namespace || mayHaveGuest(vm);
}

function finish(
  vm: VirtualMachine,
  problem: Unresolved,
  { finishing, providers, namespaces }: ReachPorts,
): Reached {
  const { namespace, name } = providerOf(vm);
  const found = finishing.forDeletion(namespace, name);
  switch (found.kind) {
    case 'open': {
      const way = { uid: undefined, identity: found.connection.identity };
      return (
        inOtherCluster(vm, way) ?? {
          ok: true,
          origin: originOf(vm, way),
          connection: found.connection,
          grant: grantInForce(providers.partial(namespace, name), { namespace, name }, from(vm, namespaces)),
          finishing: true,
        }
      );
    }
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
export function notReady(provider: Provider, connections: Connections, reader: string): Unresolved {
  const { namespace, name } = provider.metadata;
  const early = connections.isPending(namespace, name);
  const ready = provider.status?.conditions?.find((condition) => condition.type === 'Ready');
  // An earlier process was connected: to its VMs this is the same outage.
  if (!early && ready?.reason === Reasons.unreachable && provider.status?.clusterID !== undefined)
    return providerUnreachable(name, Date.parse(ready.lastTransitionTime));
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

const finishingUnreachable = (silentSince: number): Unresolved => ({
  ok: false,
  reason: Reasons.providerUnreachable,
  message: `The VM is removed with a copy of the last credentials of its Provider, and Proxmox VE does not answer, or no longer accepts them. The deletion goes on once it does. To leave the guest as it is, set the annotation ${FORCE_DELETE}: "true".`,
  silentSince,
});

/** The text is the same for all VMs and throughout, so that none of them is written again when the error changes. */
export const providerUnreachable = (name: string, silentSince: number): Unresolved => ({
  ok: false,
  reason: Reasons.providerUnreachable,
  message: `Provider "${name}" does not answer; its condition Ready says why, and reconciliation resumes once it answers.`,
  silentSince,
});
