/** Nodes that HA keeps guests off. Pure. */
import type { NodeView } from '../../../src/pve/index.ts';

/**
 * Why a node takes no guests although it is online, as a clause. The HA manager has a mode for each node
 * (pve-ha-manager, PVE::HA::NodeStatus). `unknown` is not among the reasons: a node is so until the manager has heard of
 * it, also where HA is not in use.
 */
export function haObstacle({ hastate }: Pick<NodeView, 'hastate'>): string | undefined {
  if (hastate === 'maintenance') return 'in HA maintenance';
  return hastate === 'fence' ? 'about to be fenced by HA' : undefined;
}
