/** Where a guest is made, from which copy of the template and how. Pure: the same view gives the same answer. */
import type { View } from '../../src/pve/index.ts';
import type { Bytes, NodeName, Vmid } from '../../src/lib/units.ts';
import type { Creation } from './model.ts';

export interface PlacementWish {
  readonly cpus: number;
  readonly memory: Bytes;
  /** The only node that will do. */
  readonly host?: string;
  /** Nodes that will do, the preferred first; empty: all. */
  readonly nodeSelector: readonly string[];
  /** The storage the disks shall be on. Absent: where the template's are. */
  readonly storage?: string;
}

/** A template, or a VM that serves as one, with what its configuration says about its disks. */
export interface Template {
  readonly vmid: Vmid;
  readonly node: NodeName;
  readonly isTemplate: boolean;
  readonly storages: readonly string[];
  /** The base volumes allow linked clones. */
  readonly linkable: boolean;
}

type Refusal = Extract<Creation, { ok: false }>;
type Node = View['nodes'][number];

interface Option {
  readonly node: Node;
  readonly template: Template;
  readonly full: boolean;
}

const refusal = (reason: string, message: string): Refusal => ({ ok: false, reason, message });

/** @param promised memory of guests that were placed a moment ago and that PVE's figures do not show yet, by node */
export function place(
  wish: PlacementWish,
  templates: readonly Template[],
  view: View,
  promised: ReadonlyMap<string, number>,
): Creation {
  const rejected: string[] = [];
  const options: Option[] = [];
  for (const node of view.nodes) {
    const verdict = consider(node, wish, templates, view);
    if (typeof verdict === 'string') rejected.push(`${node.name}: ${verdict}`);
    else options.push(verdict);
  }
  const free = ({ node }: Option): number => node.memory - node.memoryUsed - (promised.get(node.name) ?? 0);
  const rank = ({ node }: Option): number => {
    const at = wish.nodeSelector.indexOf(node.name);
    return at < 0 ? wish.nodeSelector.length : at;
  };
  const [best] = options.toSorted(
    (a, b) => free(b) - free(a) || rank(a) - rank(b) || a.node.name.localeCompare(b.node.name),
  );
  if (!best)
    return refusal(
      'NoEligibleNode',
      `No node can take this VM (${listed(rejected) || 'the cluster has no nodes'}).`,
    );
  return {
    ok: true,
    template: best.template.vmid,
    templateNode: best.template.node,
    node: best.node.name,
    full: best.full,
    ...(best.full && wish.storage !== undefined && { storage: wish.storage }),
  };
}

const MOST_LISTED = 8;

function listed(reasons: readonly string[]): string {
  const more = reasons.length - MOST_LISTED;
  return [...reasons.slice(0, MOST_LISTED), ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}

/** What this node would do, or why it is out. */
function consider(
  node: Node,
  wish: PlacementWish,
  templates: readonly Template[],
  view: View,
): Option | string {
  if (!node.online) return 'offline';
  if (wish.host !== undefined && wish.host !== node.name) return `the VM asks for ${wish.host}`;
  if (wish.nodeSelector.length > 0 && !wish.nodeSelector.includes(node.name))
    return 'not among the nodes of the Provider';
  if (node.cpus < wish.cpus) return `has ${node.cpus} CPUs, the VM asks for ${wish.cpus}`;
  if (node.memory < wish.memory) return 'has less memory than the VM asks for';
  if (wish.storage !== undefined && !storageAt(view, node.name, wish.storage))
    return `storage ${wish.storage} is not there or not available`;
  const reachable = templates.filter((t) => t.node === node.name || canCloneAcross(t, wish, view, node));
  const template = reachable.find((t) => t.node === node.name) ?? reachable[0];
  if (!template) return 'the template is on local storage of another node';
  return { node, template, full: mustBeFull(template, wish) };
}

const storageAt = (view: View, node: string, storage: string): View['storages'][number] | undefined =>
  view.storages.find((s) => s.node === node && s.storage === storage && s.status === 'available');

const shared = (view: View, storage: string): boolean =>
  view.storages.some((s) => s.storage === storage && s.shared);

// PVE clones to another node only where every disk, old and new, is on shared storage (qemu-server, clone_vm).
function canCloneAcross(template: Template, wish: PlacementWish, view: View, node: Node): boolean {
  const needed = [...template.storages, ...(wish.storage === undefined ? [] : [wish.storage])];
  return needed.every(
    (storage) => shared(view, storage) && storageAt(view, node.name, storage) !== undefined,
  );
}

function mustBeFull(template: Template, wish: PlacementWish): boolean {
  const moves = wish.storage !== undefined && template.storages.some((storage) => storage !== wish.storage);
  return moves || !template.isTemplate || !template.linkable;
}
