/**
 * Whether the grant of the Provider covers what a VM uses. What it has keeps running if the grant is withdrawn, and is
 * reported. What it does not have yet is refused: a new VM as a whole, and of one that exists the disk or the network
 * interface that asks for it, which is left as it is. Pure.
 */
import type { VirtualMachine } from '../../../src/api/index.ts';
import { parseQuantity } from '../../../src/lib/quantity.ts';
import type { Connection } from '../../shared/cluster/connections.ts';
import { askFor, isOutside, mayUseVolume, type Grant } from '../../shared/grants/grants.ts';
import { ROOT } from '../disks/slots.ts';
import type { DeletionPolicy, Held, Shape, Unresolved } from '../model/desired.ts';
import { deletionPolicyOf } from '../plan/leaving.ts';

/** What a grant is needed for. */
interface Use {
  /** `Disk data uses storage ssd` */
  readonly what: string;
  /** Of spec.grants. */
  readonly field: string;
  /** The VM has it already. */
  readonly inEffect: boolean;
  /** The disk or the network that asks for it. */
  readonly disk?: string;
  readonly nic?: string;
}

export interface Judged {
  /** Why the VM is not made. */
  readonly refused: Unresolved | undefined;
  /** Absent: nothing is left as it is. */
  readonly held?: Held;
  /** Sentences. */
  readonly notGranted: readonly string[];
}

type Wanted = Pick<Shape, 'nics' | 'disks' | 'cloudInit' | 'host' | 'vmid'>;

/** @param storage - of the boot disk; absent: that of the template, which is judged with the placement */
export function judgeUse(
  vm: VirtualMachine,
  wanted: Wanted,
  { grant, storage }: { readonly grant: Grant; readonly storage: string | undefined },
): Judged {
  const snippet = snippetUse(vm, wanted, grant);
  const uses = [
    ...nodeUses(vm, wanted, grant),
    ...diskUses(vm, wanted, { grant, storage }),
    ...bridgeUses(vm, wanted, grant),
    ...fieldUses(vm, wanted, grant),
    ...snippet,
  ];
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
  const cloudInit = nics.length + snippet.length > 0;
  return cloudInit || disks.length > 0 ? { held: { disks, nics, cloudInit } } : {};
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

/** A guest that was found again after its status was lost exists, although little is recorded of it. */
const exists = ({ status }: VirtualMachine): boolean =>
  status?.name !== undefined || status?.internal?.recovered === true;

/** Before that it would be brought up without what is refused. One that the operator did not make has all that it needs. */
const isFinished = (vm: VirtualMachine): boolean =>
  exists(vm) && (vm.status?.createdAt !== undefined || vm.status?.cloneType === undefined);

function nodeUses(vm: VirtualMachine, { host }: Wanted, { nodes }: Grant): Use[] {
  const made = exists(vm);
  const node = made ? vm.status?.node : host;
  if (!isOutside<string>(nodes, node)) return [];
  const what = made ? 'The VM runs on' : 'spec.placement.host names';
  return [{ what: `${what} node ${node ?? ''}`, field: 'nodes', inEffect: made }];
}

/** Why there is no node for a new VM: the Provider and its grant name different ones. */
export const withoutNode = (
  vm: VirtualMachine,
  { nodeSelector }: Pick<Connection, 'nodeSelector'>,
  grant: Grant,
): Unresolved | undefined =>
  exists(vm) || grant.nodes === undefined || nodesOf(nodeSelector, grant).length > 0
    ? undefined
    : notGranted(
        { what: 'The VM needs one of the nodes of the Provider', field: 'nodes', inEffect: false },
        grant,
      );

/** The nodes of the Provider that are granted; empty: none. */
const nodesOf = (selector: readonly string[], { nodes = [] }: Grant): readonly string[] =>
  selector.length === 0 ? nodes : selector.filter((name) => nodes.some((node) => node === name));

function diskUses(
  vm: VirtualMachine,
  { disks = [] }: Wanted,
  { grant, storage }: { readonly grant: Grant; readonly storage: string | undefined },
): Use[] {
  const recorded = vm.status?.disks?.filter(({ volume }) => volume !== undefined) ?? [];
  const root = vm.spec.disks?.find(({ name }) => name === ROOT);
  const rootNow = recorded.find(({ name }) => name === ROOT)?.storage;
  const rootStorage = exists(vm) ? (root?.storageClass ?? rootNow) : storage;
  const all = [
    {
      name: ROOT,
      storage: rootStorage,
      storageClass: root?.storageClass,
      size: root?.size,
      importFrom: undefined,
    },
    ...disks.map((disk) => ({ ...disk, storage: disk.storage ?? rootStorage })),
  ];
  return all.flatMap((disk) => {
    const has = recorded.find(({ name }) => name === disk.name);
    // A disk that exists is moved only if it names a storage itself.
    const at = has ? (disk.storageClass ?? has.storage) : disk.storage;
    const grows = disk.size !== undefined && disk.size > sizeOf(has?.size);
    const storageUse: Use = {
      what: `Disk ${disk.name} uses storage ${at ?? ''}`,
      field: 'storages',
      inEffect: has !== undefined && has.storage === at && !grows,
      disk: disk.name,
    };
    const importUse: Use = {
      what: `Disk ${disk.name} is imported from ${disk.importFrom ?? ''}`,
      field: 'volumes',
      inEffect: has !== undefined,
      disk: disk.name,
    };
    return [
      ...(isOutside(grant.storages, at) ? [storageUse] : []),
      ...(disk.importFrom === undefined || mayUseVolume(grant.volumes, disk.importFrom) ? [] : [importUse]),
    ];
  });
}

/** A size that is not known counts as any: PVE never shrinks a disk. */
function sizeOf(size: string | undefined): number {
  const parsed = size === undefined ? undefined : parseQuantity(size);
  return parsed && 'value' in parsed ? parsed.value : Infinity;
}

function bridgeUses(vm: VirtualMachine, { nics = [] }: Wanted, { bridges }: Grant): Use[] {
  const recorded = vm.status?.networks ?? [];
  return nics
    .filter(({ bridge }) => isOutside(bridges, bridge))
    .map(({ name, bridge }) => ({
      what: `Network ${name} uses bridge ${bridge}`,
      field: 'bridges',
      inEffect: recorded.some((nic) => nic.name === name && nic.bridge === bridge),
      nic: name,
    }));
}

function fieldUses(vm: VirtualMachine, { vmid }: Wanted, grant: Grant): Use[] {
  const policy = deletionPolicyOf(vm);
  const pool = vm.spec.placement?.pool;
  const range = grant.vmIdRange;
  const made = exists(vm);
  return [
    ...(isOutside(grant.deletionPolicies, policy)
      ? [{ what: `The deletion policy is ${policy}`, field: 'deletionPolicies', inEffect: made }]
      : []),
    ...(isOutside(grant.pools, pool)
      ? [{ what: `spec.placement.pool names pool ${pool ?? ''}`, field: 'pools', inEffect: made }]
      : []),
    ...(vmid !== undefined && range && (vmid < range.start || vmid > range.end) && !made
      ? [{ what: `spec.vmid is ${vmid}`, field: 'vmIdRange', inEffect: false }]
      : []),
  ];
}

/** A guest that was configured has its data; whether it is that of this snippet does not matter, since no other is delivered. */
function snippetUse({ status, metadata }: VirtualMachine, { cloudInit }: Wanted, grant: Grant): Use[] {
  const snippet = cloudInit?.snippet;
  if (snippet === undefined || mayUseVolume(grant.snippets, snippet)) return [];
  return [
    {
      what: `The user data is snippet ${snippet}`,
      field: 'snippets',
      inEffect: status?.internal?.uuid === metadata.uid,
    },
  ];
}

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
  const selector = nodesOf(connection.nodeSelector, grant);
  return {
    ...connection,
    // No node in common: a new VM is refused, and one that exists stays among those that are granted.
    ...(nodes && { nodeSelector: selector.length > 0 ? selector : nodes }),
    ...(vmIdRange && { defaults: { ...connection.defaults, vmIdRange } }),
  };
}
