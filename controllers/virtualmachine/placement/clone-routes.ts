/** How a node could get the guest: from which copy of the template, onto which storage, directly or by a move. Pure. */
import type { StorageView, View } from '../../../src/pve/index.ts';
import { GiB, type Bytes, type NodeName, type Vmid } from '../../../src/lib/units.ts';
import { printFree, printNeeded, type Room } from './room.ts';

export interface PlacementRequest {
  readonly cpus: number;
  readonly memory: Bytes;
  /** The only node that will do. */
  readonly host?: string;
  /** Nodes that will do, the preferred first; empty: all. */
  readonly nodeSelector: readonly string[];
  /** The storage the disks shall be on. Absent: where the template's are. */
  readonly storage?: string;
  /** What the root disk will be grown to. Absent: as large as the template's. */
  readonly rootDisk?: Bytes;
  /** The disks beside the root disk; without a storage they are made where it is. */
  readonly disks?: readonly { readonly storage?: string | undefined; readonly size?: Bytes | undefined }[];
  /** Nodes that will not do, with why, as half a sentence. */
  readonly unfit?: ReadonlyMap<NodeName, string>;
  /** The node that was chosen before, and is kept as long as it will do. */
  readonly chosen?: NodeName;
}

/** A template, or a VM that serves as one, with what its configuration says about its disks. */
export interface Template {
  readonly vmid: Vmid;
  readonly node: NodeName;
  readonly isTemplate: boolean;
  readonly running: boolean;
  /** Every volume that a clone copies or links. */
  readonly disks: readonly {
    readonly storage: string;
    readonly size: Bytes | undefined;
    readonly isRoot: boolean;
  }[];
  /** Storages of the images in its CD drives: a clone keeps those in its drives. */
  readonly cdStorages: readonly string[];
  /** The base volumes allow linked clones. */
  readonly linkable: boolean;
}

export interface CloneRoute {
  readonly template: Template;
  readonly full: boolean;
  /** Why it is a full clone, as half a sentence. */
  readonly fullCloneReason?: string;
  /** To be named in the clone request: only for a full clone. */
  readonly storage?: string;
  /** Where the root disk is in the end. */
  readonly rootStorage: string | undefined;
  /** The clone is made on the template's node and moved before its first start. */
  readonly moves: boolean;
  /** The space that must not be promised to anybody else. */
  readonly space: readonly { readonly at: StorageView; readonly bytes: number }[];
}

/** A way, or why there is none. */
type Found = CloneRoute | string;

export interface PlacementContext {
  readonly request: PlacementRequest;
  readonly view: View;
  readonly room: Room;
}

/** A linked clone grows with what the guest writes; a storage that is nearly full would stop it soon. */
const MIN_FREE_FOR_LINKED_CLONE = GiB;

/** A template where the node has one is better than one that is cloned across, and that better than a move. */
export function routeTo(node: NodeName, templates: readonly Template[], context: PlacementContext): Found {
  const own = templates.filter((template) => template.node === node);
  const others = templates.filter((template) => template.node !== node);
  const found = [
    ...own.map((template) => directRoute(template, node, context)),
    ...others.filter((template) => canCloneTo(template, node, context)).map((t) => directRoute(t, node, context)),
    ...others.filter((template) => !canCloneTo(template, node, context)).map((t) => routeByMove(t, node, context)),
  ];
  return found.find((route) => typeof route !== 'string') ?? found[0] ?? 'there is no template';
}

const storageAt = ({ view }: PlacementContext, node: string, storage: string): StorageView | undefined =>
  view.storages.find((s) => s.node === node && s.storage === storage);

const isShared = ({ view }: PlacementContext, storage: string): boolean =>
  view.storages.some((s) => s.storage === storage && s.shared);

const storagesOf = ({ disks }: Template): string[] => [...new Set(disks.map(({ storage }) => storage))];

// PVE clones to another node only where everything in its drives, old and new, is on shared storage (qemu-server, clone_vm).
function canCloneTo(template: Template, node: string, context: PlacementContext): boolean {
  const { storage } = context.request;
  const all = [...storagesOf(template), ...template.cdStorages, ...(storage === undefined ? [] : [storage])];
  return all.every(
    (id) => isShared(context, id) && [node, template.node].every((at) => storageAt(context, at, id) !== undefined),
  );
}

function fullCloneReason(
  { disks, isTemplate, linkable }: Template,
  { storage }: PlacementRequest,
): string | undefined {
  const elsewhere = storage === undefined ? undefined : disks.find((disk) => disk.storage !== storage);
  if (elsewhere) return `storage ${storage ?? ''} is asked for, and the template is on ${elsewhere.storage}`;
  if (!isTemplate) return 'its source is a VM and not a template';
  return linkable ? undefined : `the storage of the template cannot link clones`;
}

/** Bytes that the copies of the disks take, storage by storage. */
function copySizes(template: Template, onto: string | undefined, rootDisk = 0): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { storage, size = 0, isRoot } of template.disks) {
    const key = onto ?? storage;
    const final = isRoot ? Math.max(size, rootDisk) : size;
    sums.set(key, (sums.get(key) ?? 0) + final);
  }
  return sums;
}

/** Storages that set the whole size of a new disk aside; on all others an empty one takes nothing yet. */
const THICK_TYPES = new Set(['lvm', 'iscsi', 'iscsidirect']);

/** With what the disks beside the root disk take, so that a node is chosen that has their storages too. */
function withDisks(
  needs: ReadonlyMap<string, number>,
  template: Template,
  { request, view }: PlacementContext,
): Map<string, number> {
  const sums = new Map(needs);
  for (const { storage = request.storage ?? rootStorageOf(template), size = 0 } of request.disks ?? []) {
    if (storage === undefined) continue;
    const type = view.storages.find((each) => each.storage === storage)?.type ?? '';
    sums.set(storage, (sums.get(storage) ?? 0) + (THICK_TYPES.has(type) ? size : 0));
  }
  return sums;
}

type Fit = { readonly space: CloneRoute['space'] } | string;

/** Whether the storages of a node can take so much. */
function fitOnto(needs: ReadonlyMap<string, number>, node: string, context: PlacementContext, atLeast = 0): Fit {
  const space: { at: StorageView; bytes: number }[] = [];
  for (const [storage, bytes] of needs) {
    const at = storageAt(context, node, storage);
    const problem = at ? storageProblem(at, Math.max(bytes, atLeast), context) : `storage ${storage} is not on this node`;
    if (problem !== undefined) return problem;
    if (at) space.push({ at, bytes });
  }
  return { space };
}

function storageProblem(at: StorageView, needed: number, { room }: PlacementContext): string | undefined {
  const { storage, total = 0 } = at;
  if (at.status !== 'available') return `storage ${storage} is not available`;
  if (!at.content.includes('images')) return `storage ${storage} takes no disks (content type "images")`;
  const free = room.spaceOf(at);
  return free >= needed
    ? undefined
    : `${printFree(free)} of ${printFree(total)} free on ${storage}, ${printNeeded(needed)} needed`;
}

const rootStorageOf = ({ disks }: Template): string | undefined =>
  (disks.find(({ isRoot }) => isRoot) ?? disks[0])?.storage;

/** A clone that Proxmox VE makes where it shall be. */
function directRoute(template: Template, node: string, context: PlacementContext): Found {
  const { request } = context;
  const why = fullCloneReason(template, request);
  const linked = new Map(storagesOf(template).map((storage) => [storage, 0]));
  const fitted =
    why === undefined
      ? fitOnto(withDisks(linked, template, context), node, context, MIN_FREE_FOR_LINKED_CLONE)
      : fitOnto(withDisks(copySizes(template, request.storage, request.rootDisk), template, context), node, context);
  if (typeof fitted === 'string') return fitted;
  return {
    template,
    full: why !== undefined,
    rootStorage: request.storage ?? rootStorageOf(template),
    moves: false,
    ...fitted,
    ...(why !== undefined && {
      fullCloneReason: why,
      ...(request.storage !== undefined && { storage: request.storage }),
    }),
  };
}

/** A full clone beside the template, and then a move. */
function routeByMove(template: Template, node: string, context: PlacementContext): Found {
  const { request } = context;
  const obstacle = moveObstacle(template, node, context);
  if (obstacle !== undefined) return obstacle;
  const arrived = fitOnto(
    withDisks(copySizes(template, request.storage, request.rootDisk), template, context),
    node,
    context,
  );
  if (typeof arrived === 'string') return arrived;
  // Where the storage is there as well, the copy is made on it at once. It is grown only where it stays.
  const copy = copyNextToTemplate(template, context);
  if (typeof copy === 'string') return `no copy can be made beside the template on ${template.node}: ${copy}`;
  return {
    template,
    full: true,
    fullCloneReason:
      fullCloneReason(template, request) ?? `the template is on local storage of ${template.node}`,
    rootStorage: request.storage ?? rootStorageOf(template),
    moves: true,
    // On shared storage the copy that is made is the one that stays.
    space: [...arrived.space, ...copy.space.filter(({ at }) => !at.shared)],
    ...(copy.storage !== undefined && { storage: copy.storage }),
  };
}

function copyNextToTemplate(
  template: Template,
  context: PlacementContext,
): { readonly storage: string | undefined; readonly space: CloneRoute['space'] } | string {
  let problem = '';
  for (const storage of copyStorages(template, context)) {
    const made = fitOnto(copySizes(template, storage), template.node, context);
    if (typeof made !== 'string') return { storage, ...made };
    problem = made;
  }
  return problem;
}

/** A move takes disks on local storage to another storage, and leaves those on shared storage where they are. */
function copyStorages({ disks }: Template, context: PlacementContext): (string | undefined)[] {
  const { storage } = context.request;
  if (storage === undefined) return [undefined];
  return disks.some((disk) => isShared(context, disk.storage)) ? [storage] : [storage, undefined];
}

function moveObstacle(template: Template, node: string, context: PlacementContext): string | undefined {
  const { storage } = context.request;
  const cd = template.cdStorages.find((id) => !isShared(context, id));
  if (cd !== undefined)
    return `the template ${template.vmid} on ${template.node} has a CD image on its local storage ${cd} in a drive`;
  const from = template.disks.map((disk) => disk.storage);
  const missing = storage === undefined ? from.find((id) => !storageAt(context, node, id)) : undefined;
  if (missing !== undefined)
    return `the template is on storage ${missing} of ${template.node}, which is not on this node: name one in storageClass`;
  if (storage === undefined) return undefined;
  const types = (at: string, id: string): string => storageAt(context, at, id)?.type ?? '';
  const stuck = from.find((id) => id !== storage && !canMoveBetween(types(template.node, id), types(node, storage)));
  return stuck === undefined
    ? undefined
    : `Proxmox VE does not move disks from storage ${stuck} of ${template.node} to ${storage}`;
}

/** Storages that speak a format of their own between nodes (pve-storage, volume_export_formats). */
const TYPES_WITH_OWN_FORMAT = new Set(['zfspool', 'btrfs']);
const canMoveBetween = (from: string, to: string): boolean =>
  from === to || (!TYPES_WITH_OWN_FORMAT.has(from) && !TYPES_WITH_OWN_FORMAT.has(to));
