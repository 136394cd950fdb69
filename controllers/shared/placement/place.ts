/** Chooses the node, the template and the kind of clone for a new guest. Pure: equal views give equal results. */
import type { View } from '../../../src/pve/index.ts';
import type { Promised } from '../cluster/ledger.ts';
import type { Creation } from './model.ts';
import { printFree, printNeeded, roomIn } from './room.ts';
import {
  routeTo,
  type PlacementRequest,
  type PlacementContext,
  type Template,
  type CloneRoute,
} from './clone-routes.ts';

export type { PlacementRequest, Template } from './clone-routes.ts';

type Node = View['nodes'][number];

export interface Placed {
  readonly creation: Extract<Creation, { ok: true }>;
  readonly route: CloneRoute;
}
export interface Unplaced {
  readonly creation: Extract<Creation, { ok: false }>;
}

interface Option {
  readonly node: Node;
  readonly route: CloneRoute;
}

/** @param promised - resources promised to other VMs that PVE's figures do not include yet */
export function place(
  request: PlacementRequest,
  templates: readonly Template[],
  view: View,
  promised: Promised,
): Placed | Unplaced {
  const context: PlacementContext = { request, view, room: roomIn(view, promised) };
  const sources = templates.toSorted((a, b) => a.vmid - b.vmid);
  const rejected: string[] = [];
  const options: Option[] = [];
  for (const node of view.nodes.toSorted((a, b) => a.name.localeCompare(b.name))) {
    const found = unable(node, context) ?? routeTo(node.name, sources, context);
    if (typeof found === 'string') rejected.push(`${node.name}: ${found}`);
    else options.push({ node, route: found });
  }
  const [best] = options.toSorted((a, b) => preference(a, b, context));
  return best ? placed(best) : unplaced(rejected);
}

/** Prefers the node chosen before, then no move, then free memory, then the order of the Provider's node selector. */
function preference(a: Option, b: Option, { request, room }: PlacementContext): number {
  const isChosen = ({ node }: Option): number => Number(node.name === request.chosen);
  const moves = ({ route }: Option): number => Number(route.moves);
  const rank = ({ node }: Option): number => {
    const at = request.nodeSelector.indexOf(node.name);
    return at < 0 ? request.nodeSelector.length : at;
  };
  const [more, less] = [room.memoryOf(b.node), room.memoryOf(a.node)];
  return (
    isChosen(b) - isChosen(a) || moves(a) - moves(b) || (more === less ? 0 : more - less) || rank(a) - rank(b)
  );
}

const placed = ({ node, route }: Option): Placed => ({
  route,
  creation: {
    ok: true,
    template: route.template.vmid,
    templateNode: route.template.node,
    node: node.name,
    full: route.full,
    ...(route.moves && { moves: true }),
    ...(route.storage !== undefined && { storage: route.storage }),
    ...(route.rootStorage !== undefined && { rootStorage: route.rootStorage }),
    ...(route.fullCloneReason !== undefined && { fullCloneReason: route.fullCloneReason }),
  },
});

const MAX_LISTED = 8;

function unplaced(reasons: readonly string[]): Unplaced {
  const more = reasons.length - MAX_LISTED;
  const listed = [...reasons.slice(0, MAX_LISTED), ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
  return {
    creation: {
      ok: false,
      reason: 'NoEligibleNode',
      message: `No node can take this VM (${listed || 'the cluster has no nodes'}).`,
    },
  };
}

/** Why a node is not eligible, for any template. */
function unable(node: Node, { request, room }: PlacementContext): string | undefined {
  if (!node.online) return 'offline';
  if (request.host !== undefined && request.host !== node.name) return `the VM requires node ${request.host}`;
  if (request.nodeSelector.length > 0 && !request.nodeSelector.includes(node.name))
    return 'not in the node selector of the Provider';
  const unfit = request.unfit?.get(node.name);
  if (unfit !== undefined) return unfit;
  if (node.cpus > 0 && node.cpus < request.cpus)
    return `has ${node.cpus} CPUs, the VM requires ${request.cpus}`;
  const free = room.memoryOf(node);
  return free < request.memory
    ? `${printFree(free)} of memory free, ${printNeeded(request.memory)} needed`
    : undefined;
}
