/** Chooses the node, the template and the kind of clone for a new guest. Pure: equal views give equal results. */
import type { View } from '../../../src/pve/index.ts';
import type { NodeName } from '../../../src/lib/units.ts';
import type { Promised } from '../cluster/ledger.ts';
import { haObstacle } from './ha-mode.ts';
import type { CloneCreation, Creation } from './model.ts';
import { routeWithoutTemplate, type NewGuestRoute } from './new-guest-route.ts';
import { hasAmount, printFree, printNeeded, roomIn } from './room.ts';
import {
  routeTo,
  type PlacementRequest,
  type PlacementContext,
  type Template,
  type CloneRoute,
} from './clone-routes.ts';

export type { PlacementRequest, Template } from './clone-routes.ts';

type Node = View['nodes'][number];

type Route = CloneRoute | NewGuestRoute;

export interface Placed {
  readonly creation: Extract<Creation, { ok: true }>;
  readonly route: Route;
}
export interface Unplaced {
  readonly creation: Extract<Creation, { ok: false }>;
}

interface Option {
  readonly node: Node;
  readonly route: Route;
}

/**
 * @param templates - `none`: it is made without one
 * @param promised - resources promised to other VMs that PVE's figures do not include yet
 */
export function place(
  request: PlacementRequest,
  templates: readonly Template[] | 'none',
  view: View,
  promised: Promised,
): Placed | Unplaced {
  const context: PlacementContext = { request, view, room: roomIn(view, promised) };
  const nodes = view.nodes.toSorted((a, b) => a.name.localeCompare(b.name));
  const { host } = request;
  const candidates = host === undefined ? nodes : nodes.filter(({ name }) => name === host);
  if (host !== undefined && candidates.length === 0 && nodes.length > 0) return noSuchHost(host, nodes);
  const sources = templates === 'none' ? templates : templates.toSorted((a, b) => a.vmid - b.vmid);
  const route = (node: NodeName): Route | string =>
    sources === 'none' ? routeWithoutTemplate(node, context) : routeTo(node, sources, context);
  const rejected = missingNodes(context);
  const options: Option[] = [];
  for (const node of candidates) {
    const found = unable(node, context) ?? route(node.name);
    if (typeof found === 'string') rejected.push({ node: node.name, reason: found });
    else options.push({ node, route: found });
  }
  const [best] = options.toSorted((a, b) => preference(a, b, context));
  return best ? placed(best) : unplaced(rejected);
}

/** A node, and why it cannot take the VM. */
interface Rejected {
  readonly node: string;
  readonly reason: string;
}

/** Nodes that only the Provider names. Those of a spec.placement.host are not looked for. */
const missingNodes = ({ request: { host, nodeSelector }, view }: PlacementContext): Rejected[] =>
  (host === undefined ? nodeSelector : [])
    .filter((node) => view.nodes.every(({ name }) => name !== node))
    .map((node) => ({ node, reason: 'in the node selector of the Provider, but not in the cluster' }));

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
  creation:
    route.template === undefined
      ? { ok: true, node: node.name, rootStorage: route.rootStorage }
      : clonedTo(node, route),
});

const clonedTo = (node: Node, route: CloneRoute): CloneCreation => ({
  ok: true,
  template: route.template.vmid,
  templateNode: route.template.node,
  node: node.name,
  full: route.full,
  ...(route.moves && { moves: true }),
  ...(route.storage !== undefined && { storage: route.storage }),
  ...(route.rootStorage !== undefined && { rootStorage: route.rootStorage }),
  ...(route.fullCloneReason !== undefined && { fullCloneReason: route.fullCloneReason }),
});

const MAX_LISTED = 8;

const firstOf = (all: readonly string[], separator: string): string => {
  const more = all.length - MAX_LISTED;
  return [...all.slice(0, MAX_LISTED), ...(more > 0 ? [`and ${more} more`] : [])].join(separator);
};

const refused = (message: string): Unplaced => ({
  creation: { ok: false, reason: 'NoEligibleNode', message },
});

/**
 * Each reason once, with the nodes that it applies to. One with amounts stands for its node alone: the message would
 * change whenever two nodes have the same amount, or no longer have.
 */
function unplaced(rejected: readonly Rejected[]): Unplaced {
  const nodes = new Map<string, Rejected[]>();
  for (const each of rejected) {
    const key = hasAmount(each.reason) ? `${each.node}: ${each.reason}` : each.reason;
    nodes.set(key, [...(nodes.get(key) ?? []), each]);
  }
  const reasons = [...nodes.values()].map((all) => {
    const names = all.map(({ node }) => node);
    return `${firstOf(names, ', ')}: ${all[0]?.reason ?? ''}`;
  });
  return refused(`No node can take this VM (${firstOf(reasons, '; ') || 'the cluster has no nodes'}).`);
}

const noSuchHost = (host: string, nodes: View['nodes']): Unplaced =>
  refused(
    `No node can take this VM: spec.placement.host names node ${host}, but the cluster has only ${firstOf(
      nodes.map(({ name }) => name),
      ', ',
    )}. Correct spec.placement.host.`,
  );

/** Why a node is not eligible, for any template. */
function unable(node: Node, context: PlacementContext): string | undefined {
  const { nodeSelector, unfit } = context.request;
  if (!node.online) return 'offline';
  if (nodeSelector.length > 0 && !nodeSelector.includes(node.name))
    return 'not in the node selector of the Provider';
  return haObstacle(node) ?? unfit?.get(node.name) ?? tooSmall(node, context);
}

function tooSmall(node: Node, { request, room }: PlacementContext): string | undefined {
  const { cpus, memory, maxMemory = memory } = request;
  if (node.cpus > 0 && node.cpus < cpus) return `has ${node.cpus} CPUs, the VM requires ${cpus}`;
  if (node.memory > 0 && node.memory < maxMemory)
    return `has ${printFree(node.memory)} of memory, the VM requires ${printNeeded(maxMemory)}`;
  const free = room.memoryOf(node);
  return free < memory ? `${printFree(free)} of memory free, ${printNeeded(memory)} needed` : undefined;
}
