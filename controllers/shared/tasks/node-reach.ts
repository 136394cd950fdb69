/** Whether a task can still be asked for at its node. Pure. */
import type { NodeName, Vmid } from '../../../src/lib/units.ts';
import type { View } from '../../../src/pve/index.ts';

/** `offline`: its result will be known. `gone`: it never will. */
export type NodeReach = 'online' | 'offline' | 'gone';

/** A task ends with its node. If the guest continues elsewhere, or the node left the cluster, its result is unknown. */
export function reachOf(view: View | undefined, node: NodeName, vmid: Vmid | undefined): NodeReach {
  const at = view?.nodes.find(({ name }) => name === node);
  if (!view || at?.online) return 'online';
  if (!at) return 'gone';
  const row = vmid === undefined ? undefined : view.guests.get(vmid);
  return row && row.node !== node ? 'gone' : 'offline';
}
