/** How many VMs each node has, and is to get. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import type { GuestView, View } from '../../../src/pve/index.ts';
import { vmid as toVmid, type NodeName, type Vmid } from '../../../src/lib/units.ts';
import type { Readable } from '../../../src/runtime/controller.ts';
import { nodesOf } from './peers.ts';
import type { Site } from './site.ts';

type VM = Readable<VirtualMachine>;

/**
 * Guests of others count, containers and templates do not.
 * @param besides the VM that asks
 * @param inCreation VMs with a VMID whose guests are not complete: after a restart nothing else knows where they are to be
 */
export function vmsOnNodes(
  { metadata: { uid }, status }: Pick<VM, 'metadata' | 'status'>,
  site: Site,
  inCreation: readonly VM[],
): (node: NodeName) => number {
  const { view } = site;
  const listed = listedIn(view);
  /** Those that are not listed there: VMIDs and, of VMs without one, uids. */
  const coming = new Map<NodeName, Set<string>>();
  const count = (node: NodeName, key: string, at: Vmid | undefined): void => {
    const row = at === undefined ? undefined : view.guests.get(at);
    if (row?.node === node && isCounted(row)) return;
    coming.set(node, (coming.get(node) ?? new Set()).add(key));
  };
  for (const [other, { node, vmid }] of site.destinations)
    if (other !== uid) count(node, String(vmid ?? other), vmid);
  for (const vm of inCreation.filter(({ metadata }) => metadata.uid !== uid)) {
    const at = vm.status?.vmid === undefined ? undefined : toVmid(vm.status.vmid);
    for (const node of nodesOf(vm, site)) count(node, String(at ?? vm.metadata.uid), at);
  }
  const own = status?.vmid === undefined ? undefined : view.guests.get(toVmid(status.vmid));
  return (node) =>
    (listed.get(node) ?? 0) - Number(own?.node === node && isCounted(own)) + (coming.get(node)?.size ?? 0);
}

const isCounted = ({ type, template }: GuestView): boolean => type === 'qemu' && !template;

const known = new WeakMap<View, ReadonlyMap<NodeName, number>>();

/** All VMs of a namespace that wait ask for the same. */
function listedIn(view: View): ReadonlyMap<NodeName, number> {
  const found = known.get(view);
  if (found) return found;
  const counts = new Map<NodeName, number>();
  for (const row of view.guests.values())
    if (isCounted(row)) counts.set(row.node, (counts.get(row.node) ?? 0) + 1);
  known.set(view, counts);
  return counts;
}
