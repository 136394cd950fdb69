/** What placement policies say of the node of a VM that is to be made. */
import type { Provider, VirtualMachine, VMPlacementPolicy } from '../../../src/api/index.ts';
import type { View } from '../../../src/pve/index.ts';
import type { NodeName } from '../../../src/lib/units.ts';
import type { ObjectReader, Readable } from '../../../src/runtime/controller.ts';
import { Reasons } from '../../shared/errors/reasons.ts';
import { follow } from '../../shared/objects/references.ts';
import type { Connection, Connections } from '../../shared/cluster/connections.ts';
import type { PolicyLimits } from '../../shared/placement/limits.ts';
import { isHere, nodesOf, peersIn, strangersIn, type Site } from '../../shared/placement/peers.ts';
import { policyOf, policyReference, type PolicyReaders } from '../../shared/placement/policies.ts';
import { judge, type Peer } from '../../shared/placement/rules.ts';
import { zonesOf } from '../../shared/placement/zones.ts';
import type { Lookup } from '../model/unresolved.ts';

export interface PolicyPorts extends PolicyReaders {
  readonly connections: Connections;
  readonly vmsIn: (namespace: string) => readonly Readable<VirtualMachine>[];
  /** VMs with a VMID whose guests are not complete. */
  readonly vmsInCreation: () => readonly Readable<VirtualMachine>[];
}

/** A guest that exists is not moved for a policy, and one that is adopted is where it is. */
const isPlaced = ({ spec, status }: VirtualMachine): boolean =>
  status?.name !== undefined || spec.adopt !== undefined;

/** Whether the policy can be read: without it the VM would be made anywhere. */
export function policyLookup(vm: VirtualMachine, { providers, policies }: PolicyReaders): Lookup {
  const reference = isPlaced(vm) ? undefined : policyReference(vm, { providers });
  if (!reference) return { ok: true };
  const { namespace, name, field } = reference;
  const found = follow(
    policies,
    { name },
    { namespace, kind: 'VMPlacementPolicy', field, notFound: Reasons.policyNotFound },
  );
  if (found.ok && found.object.metadata.deletionTimestamp !== undefined)
    return {
      ok: false,
      reason: Reasons.policyNotFound,
      message: `VMPlacementPolicy ${namespace}/${name} is being deleted. Correct ${field}.`,
    };
  return found.ok ? { ok: true } : found;
}

/** As it is at the moment: what others were promised counts. `undefined`: no policy says anything. */
export function policyLimits(
  vm: VirtualMachine,
  connection: Connection,
  ports: PolicyPorts,
): PolicyLimits | undefined {
  const view = connection.inventory.view();
  if (!view || isPlaced(vm)) return undefined;
  const policy = policyOf(vm, ports);
  const { namespace } = vm.metadata;
  if (!policy && !hasAntiAffinity(namespace, ports.policies)) return undefined;
  const { ledger } = connection;
  const site: Site = { ...ports, view, ledger, destinations: ledger.destinations(view) };
  const around = peersIn(ports.vmsIn(namespace), namespace, site);
  const judgement = judge(
    { uid: vm.metadata.uid, labels: vm.metadata.labels, tags: vm.spec.tags ?? [] },
    {
      rules: policy?.spec ?? {},
      peers: policy ? countedBy(policy, namespace, { around, site, ports }) : [],
      around,
      eligible: eligibleIn(view, connection.nodeSelector),
      zoneOf: zonesOf(providerOf(vm, ports.providers)),
    },
  );
  const { maxVMsPerNode, minFreeMemory } = policy?.spec.constraints ?? {};
  return {
    ...judgement,
    order: policy?.spec.nodeSelector ?? [],
    maxVMsPerNode,
    minFreeMemory,
    vmsOn: maxVMsPerNode === undefined ? () => 0 : countVMs(vm, site, ports),
  };
}

const providerOf = (
  { metadata, spec: { providerRef } }: VirtualMachine,
  providers: ObjectReader<Provider>,
): Readable<Provider> | undefined =>
  providers.partial(providerRef.namespace ?? metadata.namespace, providerRef.name);

const hasAntiAffinity = (namespace: string, policies: ObjectReader<VMPlacementPolicy>): boolean =>
  policies
    .list()
    .some(({ metadata, spec }) => metadata.namespace === namespace && spec.antiAffinity !== undefined);

const eligibleIn = ({ nodes }: View, nodeSelector: readonly string[]): readonly NodeName[] =>
  nodes
    .filter(({ online }) => online)
    .map(({ name }) => name)
    .filter((name) => nodeSelector.length === 0 || nodeSelector.includes(name));

/** The VMs of its own namespace, and where it names tags, all guests. */
function countedBy(
  { metadata, spec }: VMPlacementPolicy,
  from: string,
  {
    around,
    site,
    ports,
  }: { readonly around: readonly Peer[]; readonly site: Site; readonly ports: PolicyPorts },
): readonly Peer[] {
  const { namespace } = metadata;
  const own = namespace === from ? around : peersIn(ports.vmsIn(namespace), from, site);
  const terms = [
    ...(spec.antiAffinity ?? []),
    ...(spec.affinity ?? []),
    ...[...(spec.preferredAffinity ?? []), ...(spec.preferredAntiAffinity ?? [])].map(({ term }) => term),
  ];
  if (!terms.some(({ pveTags }) => pveTags)) return own;
  const known = ports
    .vmsIn(namespace)
    .filter((vm) => isHere(vm, site) === true)
    .flatMap(({ status }) => status?.vmid ?? []);
  return [...own, ...strangersIn(site, new Set(known))];
}

/** VMIDs and, of VMs without one, uids. */
function countVMs(vm: VirtualMachine, site: Site, ports: PolicyPorts): (node: NodeName) => number {
  const counted = new Map<NodeName, Set<string>>();
  const count = (node: NodeName, key: string): void => {
    counted.set(node, (counted.get(node) ?? new Set()).add(key));
  };
  const { uid } = vm.metadata;
  const own = vm.status?.vmid;
  for (const { vmid, node, type, template } of site.view.guests.values())
    if (type === 'qemu' && !template && vmid !== own) count(node, String(vmid));
  for (const [other, { node, vmid }] of site.destinations)
    if (other !== uid) count(node, String(vmid ?? other));
  for (const made of ports.vmsInCreation())
    if (made.metadata.uid !== uid)
      for (const node of nodesOf(made, site)) count(node, String(made.status?.vmid ?? made.metadata.uid));
  return (node) => counted.get(node)?.size ?? 0;
}
