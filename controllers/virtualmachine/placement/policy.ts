/** What placement policies say of the node of a VM that is to be made. */
import type { Provider, VirtualMachine, VMPlacementPolicy } from '../../../src/api/index.ts';
import type { ObjectReader, Readable } from '../../../src/runtime/controller.ts';
import { Reasons } from '../../shared/errors/reasons.ts';
import { follow } from '../../shared/objects/references.ts';
import type { Connection } from '../../shared/cluster/connections.ts';
import type { PolicyLimits } from '../../shared/placement/limits.ts';
import type { Namespaces } from '../../shared/grants/namespaces.ts';
import { acrossNamespaces } from '../../shared/placement/across-namespaces.ts';
import { eligibleIn } from '../../shared/placement/counted.ts';
import { createCounts } from '../../shared/placement/counts.ts';
import type { FeedPorts } from '../../shared/placement/feed.ts';
import { tagsInPve } from '../../shared/placement/terms.ts';
import { policyOf, policyReference, type PolicyReaders } from '../../shared/placement/policies.ts';
import type { Judgement } from '../../shared/placement/rules.ts';
import { siteOf, type Site, type SitePorts } from '../../shared/placement/site.ts';
import { zonesOf } from '../../shared/placement/zones.ts';
import { vmsOnNodes } from '../../shared/placement/vms-on-nodes.ts';
import type { Lookup } from '../model/unresolved.ts';
import { meantBesides, scopeIn } from '../../shared/placement/scope.ts';
import { providerOf } from '../../shared/objects/provider-of.ts';
import { createApart } from './apart.ts';

interface NamespacePorts {
  readonly namespaces: Namespaces;
}

export interface PolicyPorts extends SitePorts, FeedPorts, NamespacePorts {
  /** VMs with a VMID whose guests are not complete. */
  readonly vmsInCreation: () => readonly Readable<VirtualMachine>[];
}

/** A guest that exists is not moved for a policy, and one that is adopted is where it is. */
const isPlaced = ({ spec, status }: VirtualMachine): boolean =>
  status?.name !== undefined || spec.adopt !== undefined;

/** Whether the policy can be read: without it the VM would be made anywhere. */
export function policyLookup(vm: VirtualMachine, ports: PolicyReaders & NamespacePorts): Lookup {
  const { providers, policies } = ports;
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
  return found.ok ? acrossNamespaces(found.object, providerFor(vm, providers), ports.namespaces) : found;
}

/**
 * As it is in this turn of the event loop, also in the one that reserves the VMID: what others were promised by then
 * counts, and so does an edit of the policy. `undefined`: no policy says anything.
 */
export type ReadPolicyLimits = (vm: VirtualMachine, connection: Connection) => PolicyLimits | undefined;

export function createPolicyLimits(ports: PolicyPorts): ReadPolicyLimits {
  const counts = createCounts(ports);
  const apart = createApart(ports);
  return (vm, connection) => {
    const view = connection.inventory.view();
    if (!view || isPlaced(vm)) return undefined;
    const policy = policyOf(vm, ports);
    if (!policy && policyReference(vm, ports)) return GONE;
    const inScope = scopeIn(ports.namespaces);
    const apartFrom = apart(vm, inScope);
    if (!policy && apartFrom.length === 0) return undefined;
    const site = siteOf(connection, view, ports);
    const judgement = once((): Judgement => {
      const { uid, namespace, labels } = vm.metadata;
      const eligible = eligibleIn(view, connection.nodeSelector);
      const zoneOf = zonesOf(providerFor(vm, ports.providers));
      const all = ports.changes.namespaces();
      const besides = policy ? meantBesides(policy.spec, policy.metadata.namespace, { all, inScope }) : [];
      const judge = counts(connection, { vm, policy, besides, apartFrom, inScope, eligible, zoneOf, site });
      return judge({ uid, namespace, labels, tags: tagsInPve(vm.spec.tags) });
    });
    return {
      rejected: (node) => judgement().rejected(node),
      score: (node) => judgement().score(node),
      ...constraintsOf(vm, policy, { site, ports }),
    };
  };
}

/** Most passes ask nothing. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

/** It was there when the pass began, and without it the VM would be made anywhere. */
const GONE: PolicyLimits = {
  rejected: () => 'the placement policy of the VM cannot be read any more',
  score: () => 0,
  order: [],
  vmsOn: () => 0,
};

function constraintsOf(
  vm: VirtualMachine,
  policy: VMPlacementPolicy | undefined,
  { site, ports }: { readonly site: Site; readonly ports: PolicyPorts },
): Omit<PolicyLimits, keyof Judgement> {
  const { nodeSelector: order = [], constraints = {} } = policy?.spec ?? {};
  const { maxVMsPerNode, minFreeMemory } = constraints;
  const counted = once(() => vmsOnNodes(vm, site, ports.vmsInCreation()));
  return { order, maxVMsPerNode, minFreeMemory, vmsOn: (node) => counted()(node) };
}

function providerFor(vm: VirtualMachine, providers: ObjectReader<Provider>): Readable<Provider> | undefined {
  const { namespace, name } = providerOf(vm);
  return providers.partial(namespace, name);
}
