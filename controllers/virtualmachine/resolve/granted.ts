/**
 * Whether the grant of the Provider covers what a VM uses. What it has keeps running if the grant is withdrawn, and is
 * reported. What it does not have yet is refused: a new VM as a whole, and of one that exists the disk or the network
 * interface that asks for it, which is left as it is. Pure.
 */
import type { VirtualMachine } from '../../../src/api/index.ts';
import type { Connection } from '../../shared/cluster/connections.ts';
import { askFor, grantedNodes, isOutside, nodesWithin, type Grant } from '../../shared/grants/grants.ts';
import type { DeletionPolicy, Held, Unresolved } from '../model/desired.ts';
import { deletionPolicyOf } from '../../shared/objects/deletion-policy.ts';
import { exists, snippetUse, usesOf, type Use, type Wanted } from './uses.ts';

export interface Judged {
  /** Why the VM is not made. */
  readonly refused: Unresolved | undefined;
  /** Absent: nothing is left as it is. */
  readonly held?: Held;
  /** Sentences. */
  readonly notGranted: readonly string[];
}

export function judgeUse(vm: VirtualMachine, wanted: Wanted, limits: Parameters<typeof usesOf>[2]): Judged {
  const { grant } = limits;
  const snippet = snippetUse(vm, wanted, grant);
  const uses = [...usesOf(vm, wanted, limits), ...snippet];
  const asked = uses.filter(({ inEffect }) => !inEffect);
  const [first] = asked;
  const { recovered } = vm.status?.internal ?? {};
  return {
    refused: first && !isFinished(vm) ? notGranted(first, grant) : undefined,
    // Of a VM that was found again it is not known yet what it has.
    ...heldBy(recovered ? uses : asked, snippet),
    notGranted: [
      ...asked.map((use) => (recovered ? notGrantedNow(use, grant) : leftAsItIs(use, grant))),
      ...uses.filter(({ inEffect }) => inEffect).map((use) => noLongerGranted(use, grant)),
    ],
  };
}

/** A guest that has its data needs no snippet, and must not be told of networks that it does not get. */
function heldBy(uses: readonly Use[], snippet: readonly Use[]): Pick<Judged, 'held'> {
  const disks = [...new Set(uses.flatMap(({ disk }) => disk ?? []))];
  const nics = [...new Set(uses.flatMap(({ nic }) => nic ?? []))];
  const cdroms = uses.flatMap(({ cdrom }) => cdrom ?? []);
  const cloudInit = nics.length + snippet.length > 0;
  const devices = uses.some(({ device }) => device === true);
  return cloudInit || devices || disks.length + cdroms.length > 0
    ? {
        held: {
          disks,
          nics,
          ...(cdroms.length > 0 && { cdroms }),
          cloudInit,
          ...(devices && { devices }),
        },
      }
    : {};
}

const notGranted = ({ what, field }: Use, grant: Grant): Unresolved => ({
  ok: false,
  reason: 'NotGranted',
  message: `${what}, which VMs of namespace ${grant.namespace} may not. Correct it, or ${askFor(field, grant)}.`,
});

const leftAsItIs = ({ what, field }: Use, grant: Grant): string =>
  `${what}, which VMs of namespace ${grant.namespace} may not, so it is left as it is. Other changes take effect. Correct it, or ${askFor(field, grant)}.`;

const notGrantedNow = ({ what, field }: Use, grant: Grant): string =>
  `${what}, which VMs of namespace ${grant.namespace} may not now. If the VM has it already, it stays so. Otherwise correct it, or ${askFor(field, grant)}.`;

const noLongerGranted = ({ what, field }: Use, grant: Grant): string =>
  `${what}, which VMs of namespace ${grant.namespace} may no longer. It stays so, and nothing more is done with it. Correct it, or ${askFor(field, grant)}.`;

/** Before that it would be brought up without what is refused. One that the operator did not make has all that it needs. */
const isFinished = (vm: VirtualMachine): boolean =>
  exists(vm) && (vm.status?.createdAt !== undefined || vm.status?.cloneType === undefined);

/** Why there is no node for a new VM: the Provider and its grant name different ones. */
export const withoutNode = (
  vm: VirtualMachine,
  { nodeSelector }: Pick<Connection, 'nodeSelector'>,
  grant: Grant,
): Unresolved | undefined =>
  exists(vm) || grant.nodes === undefined || grantedNodes(nodeSelector, grant).length > 0
    ? undefined
    : notGranted(
        { what: 'The VM needs one of the nodes of the Provider', field: 'nodes', inEffect: false },
        grant,
      );

/** A policy that is not granted is not carried out: the guest stays. */
export const grantedPolicyOf = (vm: VirtualMachine, grant: Grant): DeletionPolicy => {
  const asked = deletionPolicyOf(vm);
  const isDenied = isOutside(grant.deletionPolicies, asked) || (asked === 'Delete' && isPreserved(vm, grant));
  return isDenied ? 'Retain' : asked;
};

/** Deletion was not granted. Whoever withdraws the grant as a whole does not grant it. */
export const isPreserved = ({ status }: VirtualMachine, grant: Grant): boolean =>
  grant.isWithdrawn ? status?.internal?.preserved === true : isOutside(grant.deletionPolicies, 'Delete');

/** The pool that a new VM is added to. */
export const poolOf = (
  { spec }: VirtualMachine,
  { defaults }: Pick<Connection, 'defaults'>,
  { pools }: Grant,
): string | undefined =>
  spec.placement?.pool ??
  (pools === undefined || pools.includes(defaults.pool ?? '') ? defaults.pool : pools[0]);

/** The connection as the namespace may use it. */
export function withinGrant(connection: Connection, grant: Grant): Connection {
  if (grant.nodes === undefined && grant.vmIdRange === undefined) return connection;
  const { nodes, vmIdRange } = grant;
  return {
    ...connection,
    // No node in common: a new VM is refused.
    ...(nodes && { nodeSelector: nodesWithin(connection.nodeSelector, grant) }),
    ...(vmIdRange && { defaults: { ...connection.defaults, vmIdRange } }),
  };
}
