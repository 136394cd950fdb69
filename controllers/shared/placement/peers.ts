/** The VMs of a namespace as placement policies count them, and where they are. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import type { NodeName } from '../../../src/lib/units.ts';
import type { Readable } from '../../../src/runtime/controller.ts';
import type { Peer } from './rule-facts.ts';
import type { Site } from './site.ts';
import { tagsInPve } from './terms.ts';

type VM = Readable<VirtualMachine>;

/**
 * Where it is, and where it is to be. One of a Provider that is not connected yet counts where it was last seen: nodes of
 * another cluster hardly have the same names.
 */
export function nodesOf(vm: VM, site: Site): readonly NodeName[] {
  const here = site.isHere(vm);
  if (here === false) return [];
  const { vmid, placement, createdAt } = vm.status ?? {};
  const at = here === true && vmid !== undefined ? site.view.guests.get(vmid)?.node : undefined;
  const to = site.destinations.get(vm.metadata.uid)?.node;
  return createdAt === undefined
    ? each(to ?? placement?.node, namedNode(vm), at)
    : each(to, at ?? lastSeen(vm, here));
}

/** Without a Set: this runs for each VM of a namespace, and two nodes are rare. */
function each(...nodes: readonly (NodeName | undefined)[]): readonly NodeName[] {
  const found: NodeName[] = [];
  for (const node of nodes) if (node !== undefined && !found.includes(node)) found.push(node);
  return found;
}

/** The guest is made where that was decided, and moved at once to the node that the spec names since. */
const namedNode = ({ spec, status }: VM): NodeName | undefined =>
  status?.vmid === undefined ? undefined : spec.placement?.host;

/** A guest that is known to be gone is nowhere; one that is only not shown may be where it was. */
const lastSeen = ({ status }: VM, here: true | 'unknown'): NodeName | undefined =>
  here === true &&
  status?.conditions?.some(({ type, reason }) => type === 'Ready' && reason === 'GuestMissing')
    ? undefined
    : status?.node;

/** @param from names of VMs in other namespaces than this one are not said */
export function peersIn(vms: readonly VM[], from: string, site: Site): readonly Peer[] {
  const peers: Peer[] = [];
  for (const vm of vms) {
    const nodes = nodesOf(vm, site);
    if (nodes.length > 0) peers.push(peerOf(vm, nodes, { from, site }));
  }
  return peers;
}

function peerOf(
  vm: VM,
  nodes: readonly NodeName[],
  { from, site }: { readonly from: string; readonly site: Site },
): Peer {
  const { uid, name, namespace, labels } = vm.metadata;
  const antiAffinity = site.antiAffinityOf(vm);
  return {
    uid,
    namespace,
    text: namespace === from ? `VirtualMachine ${name}` : 'a VirtualMachine of another namespace',
    labels,
    tags: tagsOf(vm, site),
    nodes,
    ...(antiAffinity && { antiAffinity }),
  };
}

/** What its guest has, and what its spec gives a guest that is not made yet, or not shown yet. */
function tagsOf(vm: VM, site: Site): readonly string[] {
  const { spec, status } = vm;
  const row =
    status?.vmid !== undefined && site.isHere(vm) === true ? site.view.guests.get(status.vmid) : undefined;
  return tagsInPve([...(row?.tags ?? []), ...(spec.tags ?? [])]);
}

/** Guests that are none of the VMs, by VMID. @param known the VMIDs of the VMs */
export function strangersIn({ view }: Site, known: ReadonlySet<number>): ReadonlyMap<number, Peer> {
  const found = new Map<number, Peer>();
  for (const { vmid, type, template, tags, node } of view.guests.values())
    if (type === 'qemu' && !template && tags.length > 0 && !known.has(vmid))
      found.set(vmid, { text: 'a guest with this tag', labels: {}, tags: tagsInPve(tags), nodes: [node] });
  return found;
}
