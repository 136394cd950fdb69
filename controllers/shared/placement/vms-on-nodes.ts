/** How many VMs each node has, and is to get. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import type { NodeName } from '../../../src/lib/units.ts';
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
  /** VMIDs and, of VMs without one, uids. */
  const counted = new Map<NodeName, Set<string>>();
  const count = (node: NodeName, key: string): void => {
    counted.set(node, (counted.get(node) ?? new Set()).add(key));
  };
  for (const { vmid, node } of guestsIn(site)) if (vmid !== status?.vmid) count(node, String(vmid));
  for (const [other, { node, vmid }] of site.destinations)
    if (other !== uid) count(node, String(vmid ?? other));
  for (const vm of inCreation.filter(({ metadata }) => metadata.uid !== uid))
    for (const node of nodesOf(vm, site)) count(node, String(vm.status?.vmid ?? vm.metadata.uid));
  return (node) => counted.get(node)?.size ?? 0;
}

const guestsIn = ({ view }: Site) =>
  [...view.guests.values()].filter(({ type, template }) => type === 'qemu' && !template);
