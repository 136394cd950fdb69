/** Chooses the node, the template and the kind of clone for a new guest. Pure: equal views give equal results. */
import { closestOf } from '../../../src/lib/closest.ts';
import type { View } from '../../../src/pve/index.ts';
import type { NodeName } from '../../../src/lib/units.ts';
import type { Promised } from '../cluster/ledger.ts';
import { haObstacle } from './ha-mode.ts';
import type { CloneCreation, Creation } from './model.ts';
import { routeWithoutTemplate, type NewGuestRoute } from './new-guest-route.ts';
import { causesOf, obstacle, waysOutOf, type Obstacle, type Rejected } from './obstacle.ts';
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
  if (host !== undefined && candidates.length === 0 && nodes.length > 0)
    return noSuchHost(host, nodes, context);
  const sources = templates === 'none' ? templates : templates.toSorted((a, b) => a.vmid - b.vmid);
  const route = (node: NodeName): Route | Obstacle =>
    sources === 'none' ? routeWithoutTemplate(node, context) : routeTo(node, sources, context);
  const rejected = missingNodes(context);
  const options: Option[] = [];
  for (const node of candidates) {
    const found = unable(node, context) ?? route(node.name);
    if ('cause' in found) rejected.push({ node: node.name, why: found });
    else options.push({ node, route: found });
  }
  const [best] = options.toSorted((a, b) => preference(a, b, context));
  return best ? placed(best) : unplaced(rejected);
}

/** Nodes that only the Provider names. Those of a spec.placement.host are not looked for. */
const missingNodes = ({ request: { host, nodeSelector }, view }: PlacementContext): Rejected[] =>
  (host === undefined ? nodeSelector : [])
    .filter((node) => view.nodes.every(({ name }) => name !== node))
    .map((node) => ({
      node,
      why: obstacle(
        'in the node selector of the Provider, but not in the cluster',
        'Correct the node selector of the Provider.',
      ),
    }));

/**
 * Prefers the node chosen before, then what the policy prefers, then no move, then free memory, then the order of the
 * node selectors of the policy and the Provider.
 */
function preference(a: Option, b: Option, { request, room }: PlacementContext): number {
  const { policy, nodeSelector, chosen } = request;
  const isChosen = ({ node }: Option): number => Number(node.name === chosen);
  const score = ({ node }: Option): number => policy?.score(node.name) ?? 0;
  const moves = ({ route }: Option): number => Number(route.moves);
  const rankIn = (order: readonly string[], { node }: Option): number => {
    const at = order.indexOf(node.name);
    return at < 0 ? order.length : at;
  };
  const rank = (order: readonly string[] = []): number => rankIn(order, a) - rankIn(order, b);
  const [more, less] = [room.memoryOf(b.node), room.memoryOf(a.node)];
  return (
    isChosen(b) - isChosen(a) ||
    score(b) - score(a) ||
    moves(a) - moves(b) ||
    (more === less ? 0 : more - less) ||
    rank(policy?.order) ||
    rank(nodeSelector)
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

const refused = (message: string): Unplaced => ({
  creation: { ok: false, reason: 'NoEligibleNode', message },
});

const unplaced = (rejected: readonly Rejected[]): Unplaced =>
  refused(
    [
      `No node can take this VM (${causesOf(rejected) || 'the cluster has no nodes'}).`,
      ...waysOutOf(rejected),
    ].join(' '),
  );

/** Nodes that are not for this VM would be the next mistake. */
function noSuchHost(host: string, nodes: View['nodes'], { request: { nodeSelector } }: PlacementContext) {
  const names = nodes
    .map(({ name }) => name)
    .filter((name) => nodeSelector.length === 0 || nodeSelector.includes(name));
  return refused(
    `No node can take this VM: spec.placement.host names node ${host}, which the cluster does not have. Nodes for this VM are ${closestOf(host, names) || 'none'}. Correct spec.placement.host.`,
  );
}

/** Why a node is not eligible, for any template. */
function unable(node: Node, context: PlacementContext): Obstacle | undefined {
  const { nodeSelector, host, unfit } = context.request;
  if (!node.online) return obstacle('offline');
  if (nodeSelector.length > 0 && !nodeSelector.includes(node.name))
    return obstacle(
      'not in the node selector of the Provider',
      host === undefined ? undefined : 'Correct spec.placement.host.',
    );
  const clause = haObstacle(node) ?? unfit?.get(node.name);
  if (clause !== undefined) return obstacle(clause);
  return byPolicy(node, context) ?? tooSmall(node, context);
}

const OTHER_POLICY = 'Correct the VMPlacementPolicy, or refer to another one (spec.placementRef).';

/** A node that the VM names itself takes it all the same; the policy then reports the violation. */
function byPolicy({ name }: Node, { request: { policy, host } }: PlacementContext): Obstacle | undefined {
  if (!policy || host !== undefined) return undefined;
  const clause = policy.rejected(name);
  if (clause !== undefined) return obstacle(clause, OTHER_POLICY);
  const { maxVMsPerNode = Infinity } = policy;
  const count = policy.vmsOn(name);
  return count < maxVMsPerNode
    ? undefined
    : {
        cause: `the placement policy allows ${maxVMsPerNode} VMs on a node`,
        here: `${count} VMs`,
        wayOut: OTHER_POLICY,
      };
}

const SMALLER_CLASS = 'or use a smaller class (spec.classRef)';

function tooSmall(node: Node, context: PlacementContext): Obstacle | undefined {
  const { request, room } = context;
  const { cpus, memory, maxMemory } = request;
  if (node.cpus > 0 && node.cpus < cpus)
    return {
      cause: `the VM requires ${cpus} CPUs`,
      here: `${node.cpus} CPUs`,
      wayOut: `The largest node has ${largest(context, (each) => each.cpus)} CPUs: reduce cpus of the VMClass, ${SMALLER_CLASS}.`,
    };
  const most = maxMemory ?? memory;
  if (node.memory > 0 && node.memory < most)
    return {
      cause: `the VM requires ${printNeeded(most)} of memory`,
      here: printFree(node.memory),
      wayOut: `The largest node has ${printFree(largest(context, (each) => each.memory))} of memory: reduce ${maxMemory === undefined ? 'memory' : 'maxMemory'} of the VMClass, ${SMALLER_CLASS}.`,
    };
  const free = room.memoryOf(node);
  const kept = (request.host === undefined ? request.policy?.minFreeMemory : undefined) ?? 0;
  if (free >= memory + kept) return undefined;
  if (free >= memory)
    return {
      cause: `${printNeeded(memory)} of memory needed, and the placement policy keeps ${printNeeded(kept)} free`,
      here: `${printFree(free)} free`,
      wayOut: OTHER_POLICY,
    };
  return {
    cause: `${printNeeded(memory)} of memory needed`,
    here: `${printFree(free)} free`,
    wayOut: `Stop or move other VMs, ${SMALLER_CLASS}.`,
  };
}

/** Of the nodes that the VM may be on. */
const largest = (
  { view, request: { nodeSelector } }: PlacementContext,
  amount: (node: Node) => number,
): number =>
  Math.max(
    ...view.nodes.filter(({ name }) => nodeSelector.length === 0 || nodeSelector.includes(name)).map(amount),
  );
