/** What placement policies say of the node of a VM that is to be made. */
import type { Provider, VirtualMachine, VMPlacementPolicy } from '../../../src/api/index.ts';
import type { ObjectReader, Readable } from '../../../src/runtime/controller.ts';
import { Reasons } from '../../shared/errors/reasons.ts';
import { follow } from '../../shared/objects/references.ts';
import type { Connection, Connections } from '../../shared/cluster/connections.ts';
import type { PolicyLimits } from '../../shared/placement/limits.ts';
import { countedBy, eligibleIn, type CountPorts } from '../../shared/placement/counted.ts';
import { peersIn, type Site } from '../../shared/placement/peers.ts';
import { policyOf, policyReference, type PolicyReaders } from '../../shared/placement/policies.ts';
import { judging, type Judgement } from '../../shared/placement/rules.ts';
import { zonesOf } from '../../shared/placement/zones.ts';
import { vmsOnNodes } from '../../shared/placement/vms-on-nodes.ts';
import type { Lookup } from '../model/unresolved.ts';

export interface PolicyPorts extends PolicyReaders, CountPorts {
  readonly connections: Connections;
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
  const judgement = judging({
    rules: policy?.spec ?? {},
    peers: policy ? countedBy(policy, namespace, { site, vmsIn: ports.vmsIn }) : [],
    around,
    eligible: eligibleIn(view, connection.nodeSelector),
    zoneOf: zonesOf(providerOf(vm, ports.providers)),
  })({ uid: vm.metadata.uid, labels: vm.metadata.labels, tags: vm.spec.tags ?? [] });
  return { ...judgement, ...constraintsOf(vm, policy, { site, ports }) };
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
