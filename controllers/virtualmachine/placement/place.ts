/** Where a guest is made, from which copy of the template and how. Pure: the same view gives the same answer. */
import type { View } from '../../../src/pve/index.ts';
import type { Promised } from '../../shared/ledger.ts';
import type { Creation } from './model.ts';
import { printFree, printNeeded, roomIn } from './room.ts';
import { wayTo, type PlacementWish, type Site, type Template, type Way } from './ways.ts';

export type { PlacementWish, Template } from './ways.ts';

type Node = View['nodes'][number];

export interface Placed {
  readonly creation: Extract<Creation, { ok: true }>;
  readonly way: Way;
}
export interface Unplaced {
  readonly creation: Extract<Creation, { ok: false }>;
}

interface Option {
  readonly node: Node;
  readonly way: Way;
}

/** @param promised what others were promised a moment ago and Proxmox VE's figures do not show yet */
export function place(
  wish: PlacementWish,
  templates: readonly Template[],
  view: View,
  promised: Promised,
): Placed | Unplaced {
  const site: Site = { wish, view, room: roomIn(view, promised) };
  const sources = templates.toSorted((a, b) => a.vmid - b.vmid);
  const rejected: string[] = [];
  const options: Option[] = [];
  for (const node of view.nodes.toSorted((a, b) => a.name.localeCompare(b.name))) {
    const verdict = unable(node, site) ?? wayTo(node.name, sources, site);
    if (typeof verdict === 'string') rejected.push(`${node.name}: ${verdict}`);
    else options.push({ node, way: verdict });
  }
  const [best] = options.toSorted((a, b) => preference(a, b, site));
  return best ? placed(best) : unplaced(rejected);
}

/** The node that was chosen before; no move where it can be had without; memory; the order of the Provider. */
function preference(a: Option, b: Option, { wish, room }: Site): number {
  const isChosen = ({ node }: Option): number => Number(node.name === wish.chosen);
  const moves = ({ way }: Option): number => Number(way.moves);
  const rank = ({ node }: Option): number => {
    const at = wish.nodeSelector.indexOf(node.name);
    return at < 0 ? wish.nodeSelector.length : at;
  };
  const [more, less] = [room.memoryOf(b.node), room.memoryOf(a.node)];
  return (
    isChosen(b) - isChosen(a) || moves(a) - moves(b) || (more === less ? 0 : more - less) || rank(a) - rank(b)
  );
}

const placed = ({ node, way }: Option): Placed => ({
  way,
  creation: {
    ok: true,
    template: way.template.vmid,
    templateNode: way.template.node,
    node: node.name,
    full: way.full,
    ...(way.moves && { moves: true }),
    ...(way.storage !== undefined && { storage: way.storage }),
    ...(way.rootStorage !== undefined && { rootStorage: way.rootStorage }),
    ...(way.whyFull !== undefined && { whyFull: way.whyFull }),
  },
});

const MOST_LISTED = 8;

function unplaced(reasons: readonly string[]): Unplaced {
  const more = reasons.length - MOST_LISTED;
  const listed = [...reasons.slice(0, MOST_LISTED), ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
  return {
    creation: {
      ok: false,
      reason: 'NoEligibleNode',
      message: `No node can take this VM (${listed || 'the cluster has no nodes'}).`,
    },
  };
}

/** Why a node is out whatever the template. */
function unable(node: Node, { wish, room }: Site): string | undefined {
  if (!node.online) return 'offline';
  if (wish.host !== undefined && wish.host !== node.name) return `the VM asks for ${wish.host}`;
  if (wish.nodeSelector.length > 0 && !wish.nodeSelector.includes(node.name))
    return 'not among the nodes of the Provider';
  const unfit = wish.unfit?.get(node.name);
  if (unfit !== undefined) return unfit;
  if (node.cpus > 0 && node.cpus < wish.cpus) return `has ${node.cpus} CPUs, the VM asks for ${wish.cpus}`;
  const free = room.memoryOf(node);
  return free < wish.memory
    ? `${printFree(free)} of memory free, ${printNeeded(wish.memory)} needed`
    : undefined;
}
