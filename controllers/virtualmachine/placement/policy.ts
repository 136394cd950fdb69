/** What placement policies say of the node of a VM that is to be made. */
import type { Provider, VirtualMachine, VMPlacementPolicy } from '../../../src/api/index.ts';
import type { View } from '../../../src/pve/index.ts';
import type { ObjectReader, Readable } from '../../../src/runtime/controller.ts';
import { Reasons } from '../../shared/errors/reasons.ts';
import { follow } from '../../shared/objects/references.ts';
import type { Connection } from '../../shared/cluster/connections.ts';
import type { PolicyLimits } from '../../shared/placement/limits.ts';
import { countedBy, countsOthers, eligibleIn, type CountPorts } from '../../shared/placement/counted.ts';
import { peersIn, tagsInPve } from '../../shared/placement/peers.ts';
import { policyOf, policyReference, type PolicyReaders } from '../../shared/placement/policies.ts';
import type { Peer } from '../../shared/placement/rule-facts.ts';
import { judging, type Judgement } from '../../shared/placement/rules.ts';
import { siteOf, type Site, type SitePorts } from '../../shared/placement/site.ts';
import { zonesOf } from '../../shared/placement/zones.ts';
import { vmsOnNodes } from '../../shared/placement/vms-on-nodes.ts';
import type { Lookup } from '../model/unresolved.ts';

export interface PolicyPorts extends SitePorts, CountPorts {
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

/**
 * As it is in this turn of the event loop, also in the one that reserves the VMID: what others were promised by then
 * counts, and so does an edit of the policy. `undefined`: no policy says anything.
 */
export function policyLimits(
  vm: VirtualMachine,
  connection: Connection,
  ports: PolicyPorts,
): PolicyLimits | undefined {
  const view = connection.inventory.view();
  if (!view || isPlaced(vm)) return undefined;
  const policy = policyOf(vm, ports);
  if (!policy && policyReference(vm, ports)) return GONE;
  return policy || hasAntiAffinity(vm.metadata.namespace, ports.policies)
    ? limitsBy(policy, vm, { connection, view, ports })
    : undefined;
}

interface Surroundings {
  readonly connection: Connection;
  readonly view: View;
  readonly ports: PolicyPorts;
}

/** Other VMs are looked at only where they matter: a namespace may have thousands. */
function limitsBy(
  policy: VMPlacementPolicy | undefined,
  vm: VirtualMachine,
  { connection, view, ports }: Surroundings,
): PolicyLimits {
  const site = siteOf(connection, view, ports);
  const { namespace, uid, labels } = vm.metadata;
  const counts = policy !== undefined && countsOthers(policy.spec);
  const areApart = hasAntiAffinity(namespace, ports.policies);
  const around = counts || areApart ? peersIn(ports.vmsIn(namespace), namespace, site) : [];
  const judgement = judging({
    rules: policy?.spec ?? {},
    peers: counts ? countedFor(policy, namespace, { around, site, ports }) : [],
    around: around.filter(({ antiAffinity }) => antiAffinity !== undefined),
    eligible: eligibleIn(view, connection.nodeSelector),
    zoneOf: zonesOf(providerOf(vm, ports.providers)),
  })({ uid, labels, tags: tagsInPve(vm.spec.tags) });
  return { ...judgement, ...constraintsOf(vm, policy, { site, ports }) };
}

/** It was there when the pass began, and without it the VM would be made anywhere. */
const GONE: PolicyLimits = {
  rejected: () => 'the placement policy of the VM cannot be read any more',
  score: () => 0,
  order: [],
  vmsOn: () => 0,
};

/** The policy of a Provider counts VMs of the namespace that the Provider is in. */
function countedFor(
  policy: VMPlacementPolicy,
  from: string,
  {
    around,
    site,
    ports,
  }: { readonly around: readonly Peer[]; readonly site: Site; readonly ports: PolicyPorts },
): readonly Peer[] {
  const { namespace } = policy.metadata;
  const own = namespace === from ? around : peersIn(ports.vmsIn(namespace), from, site);
  return countedBy(policy, own, { site, vmsIn: ports.vmsIn });
}

function constraintsOf(
  vm: VirtualMachine,
  policy: VMPlacementPolicy | undefined,
  { site, ports }: { readonly site: Site; readonly ports: PolicyPorts },
): Omit<PolicyLimits, keyof Judgement> {
  const { nodeSelector: order = [], constraints = {} } = policy?.spec ?? {};
  const { maxVMsPerNode, minFreeMemory } = constraints;
  const vmsOn = maxVMsPerNode === undefined ? () => 0 : vmsOnNodes(vm, site, ports.vmsInCreation());
  return { order, maxVMsPerNode, minFreeMemory, vmsOn };
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
