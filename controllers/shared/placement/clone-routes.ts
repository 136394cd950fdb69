/** Clone routes: from which template, onto which storage, and directly or with a move a node gets the guest. Pure. */
import type { StorageView, View } from '../../../src/pve/index.ts';
import { closestOf } from '../../../src/lib/closest.ts';
import { GiB, type Bytes, type NodeName, type Vmid } from '../../../src/lib/units.ts';
import type { ImageMark } from '../guests/image-mark.ts';
import type { OwnerMark } from '../guests/owner-mark.ts';
import type { PolicyLimits } from './limits.ts';
import { obstacle, type Obstacle } from './obstacle.ts';
import { printFree, printNeeded, type Room } from './room.ts';
import { storagesIn } from './storages.ts';

export interface PlacementRequest {
  readonly cpus: number;
  readonly memory: Bytes;
  /** What the VM can grow to. QEMU asks for all of it when it starts, so the node must have as much, free or not. */
  readonly maxMemory?: Bytes;
  /** The only eligible node. */
  readonly host?: string;
  /** Eligible nodes in order of preference; empty: all. */
  readonly nodeSelector: readonly string[];
  /** The storage for the disks. Absent: the template's. */
  readonly storage?: string;
  /** The size of the root disk after it is grown. Absent: the template's. */
  readonly rootDisk?: Bytes;
  /** Additional disks. Without a storage they are created on that of the root disk. */
  readonly disks?: readonly { readonly storage?: string | undefined; readonly size?: Bytes | undefined }[];
  /** Storages that disks may be on. Absent: all. */
  readonly storages?: readonly string[];
  /** Nodes that are not eligible, and why. */
  readonly unfit?: ReadonlyMap<NodeName, string>;
  /** Absent: no placement policy applies, and none keeps other VMs apart from this one. */
  readonly policy?: PolicyLimits;
  /** The node chosen before, which is kept as long as it is eligible. */
  readonly chosen?: NodeName;
}

/** A template, or a VM used as one, with its disks. */
export interface Template {
  readonly vmid: Vmid;
  readonly node: NodeName;
  readonly isTemplate: boolean;
  readonly running: boolean;
  /** Whose guest it is; absent: nobody's. */
  readonly mark?: OwnerMark;
  /** Which VMImage it says that it was made for; absent: none. */
  readonly image?: ImageMark;
  /** Bridges of its NICs, which a clone keeps; absent: it has none. */
  readonly bridges?: readonly string[];
  /** The volumes that a clone copies or links. */
  readonly disks: readonly {
    readonly storage: string;
    readonly size: Bytes | undefined;
    readonly isRoot: boolean;
  }[];
  /** Storages of the images in its CD drives; a clone keeps the images. */
  readonly cdStorages: readonly string[];
  /** Whether the base volumes, or those of the snapshot, support linked clones. */
  readonly linkable: boolean;
  /** What is cloned is a snapshot of it. */
  readonly snapshot?: { readonly canCopy: boolean };
  /** Why only a full clone of it is wanted, as a clause. */
  readonly full?: string;
  /** Which system it holds, and how that expects its cloud-init data. Absent: as PVE assumes without settings. */
  readonly system?: { readonly citype?: string; readonly ostype?: string };
  /** Devices of its node, such as `hostpci0`, with which PVE does not move a clone. Absent: none. */
  readonly localDevices?: readonly string[];
  /** By node, the devices whose resource mapping is missing there, as far as PVE says. Absent: none. */
  readonly unmapped?: ReadonlyMap<string, readonly string[]>;
}

export interface CloneRoute {
  readonly template: Template;
  readonly full: boolean;
  /** Why it is a full clone, as a clause. */
  readonly fullCloneReason?: string;
  /** The storage in the clone request; only for a full clone. */
  readonly storage?: string;
  /** The final storage of the root disk. */
  readonly rootStorage: string | undefined;
  /** The clone is created on the template's node and moved before its first start. */
  readonly moves: boolean;
  /** The space to reserve. */
  readonly space: readonly { readonly at: StorageView; readonly bytes: number }[];
}

/** A route, or why there is none. */
type Found = CloneRoute | Obstacle;

export interface PlacementContext {
  readonly request: PlacementRequest;
  readonly view: View;
  readonly room: Room;
}

/** A linked clone grows as the guest writes, so its storage must not be nearly full. */
const MIN_FREE_FOR_LINKED_CLONE = GiB;

/** Prefers a template on the node, then a clone from another node, then a clone with a move. */
export function routeTo(node: NodeName, templates: readonly Template[], context: PlacementContext): Found {
  const own = templates.filter((template) => template.node === node);
  const others = templates.filter((template) => template.node !== node);
  const found = [
    ...own.map((template) => directRoute(template, node, context)),
    ...others
      .filter((template) => canCloneTo(template, node, context))
      .map((t) => directRoute(t, node, context)),
    ...others
      .filter((template) => !canCloneTo(template, node, context))
      .map((t) => routeByMove(t, node, context)),
  ];
  return found.find((route) => !('cause' in route)) ?? found[0] ?? obstacle('no template exists');
}

const storageAt = ({ view }: PlacementContext, node: string, storage: string): StorageView | undefined =>
  storagesIn(view).at(node, storage);

const isShared = ({ view }: PlacementContext, storage: string): boolean => storagesIn(view).isShared(storage);

const storagesOf = ({ disks }: Template): string[] => [...new Set(disks.map(({ storage }) => storage))];

// PVE clones to another node only if all volumes, old and new, are on shared storage (qemu-server, clone_vm).
function canCloneTo(template: Template, node: string, context: PlacementContext): boolean {
  const { storage } = context.request;
  const all = [...storagesOf(template), ...template.cdStorages, ...(storage === undefined ? [] : [storage])];
  return all.every(
    (id) =>
      isShared(context, id) && [node, template.node].every((at) => storageAt(context, at, id) !== undefined),
  );
}

function fullCloneReason(
  { disks, isTemplate, linkable, snapshot, full }: Template,
  { storage }: PlacementRequest,
): string | undefined {
  if (full !== undefined) return full;
  const elsewhere = storage === undefined ? undefined : disks.find((disk) => disk.storage !== storage);
  if (elsewhere)
    return `the VM requires storage ${storage ?? ''} and ${isTemplate ? 'the template' : 'its source'} is on ${elsewhere.storage}`;
  if (!isTemplate && !snapshot) return 'its source is a VM, not a template';
  if (linkable) return undefined;
  return snapshot
    ? 'the storage of its source does not support linked clones of a snapshot'
    : `the storage of the template does not support linked clones`;
}

/** Bytes that copies of the disks require, by storage. */
function copySizes(template: Template, onto: string | undefined, rootDisk = 0): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { storage, size = 0, isRoot } of template.disks) {
    const key = onto ?? storage;
    const final = isRoot ? Math.max(size, rootDisk) : size;
    sums.set(key, (sums.get(key) ?? 0) + final);
  }
  return sums;
}

/** Storages that allocate the whole size of a new disk; on others an empty disk takes no space. */
const THICK_TYPES = new Set(['lvm', 'iscsi', 'iscsidirect']);

/** Adds the additional disks, so that the chosen node has their storages too. */
const withDisks = (
  needs: ReadonlyMap<string, number>,
  template: Template,
  context: PlacementContext,
): Map<string, number> =>
  withNewDisks(
    needs,
    (context.request.disks ?? []).map(
      ({ storage = context.request.storage ?? rootStorageOf(template), size }) => ({ storage, size }),
    ),
    context,
  );

/** Adds what empty disks take at once. */
export function withNewDisks(
  needs: ReadonlyMap<string, number>,
  disks: readonly { readonly storage: string | undefined; readonly size: number | undefined }[],
  { view }: PlacementContext,
): Map<string, number> {
  const sums = new Map(needs);
  for (const { storage, size = 0 } of disks) {
    if (storage === undefined) continue;
    const type = storagesIn(view).named(storage)?.type ?? '';
    sums.set(storage, (sums.get(storage) ?? 0) + (THICK_TYPES.has(type) ? size : 0));
  }
  return sums;
}

type Fit = { readonly space: CloneRoute['space'] } | Obstacle;

/** Checks that the storages of a node have enough space. */
export function fitOnto(
  needs: ReadonlyMap<string, number>,
  node: string,
  context: PlacementContext,
  atLeast = 0,
): Fit {
  const space: { at: StorageView; bytes: number }[] = [];
  for (const [storage, bytes] of needs) {
    const at = storageAt(context, node, storage);
    const problem =
      notGranted(storage, context) ??
      (at ? storageProblem(at, Math.max(bytes, atLeast), context) : missingStorage(storage, context));
    if (problem !== undefined) return problem;
    if (at) space.push({ at, bytes });
  }
  return { space };
}

const ANOTHER_STORAGE = 'storageClass in spec.disks of the VM, or storage.class of its VMClass';

/** Whether it exists is not said. */
const notGranted = (storage: string, { request: { storages } }: PlacementContext): Obstacle | undefined =>
  storages === undefined || storages.includes(storage)
    ? undefined
    : obstacle(`storage ${storage} may not be used by VMs of this namespace`, `Correct ${ANOTHER_STORAGE}.`);

function missingStorage(storage: string, { request, view }: PlacementContext): Obstacle {
  if (storagesIn(view).named(storage)) return obstacle(`storage ${storage} is not on this node`);
  const there = view.storages
    .filter(({ content }) => content.includes('images'))
    .map((each) => each.storage)
    .filter((each) => request.storages?.includes(each) ?? true);
  return obstacle(
    `storage ${storage} does not exist, or the credentials may not see it (Datastore.Audit)`,
    `Storages for disks are ${closestOf(storage, there) || 'none'}. Correct ${ANOTHER_STORAGE}.`,
  );
}

function storageProblem(at: StorageView, needed: number, { room }: PlacementContext): Obstacle | undefined {
  const { storage, total = 0 } = at;
  if (at.status !== 'available') return obstacle(`storage ${storage} is not available`);
  if (!at.content.includes('images'))
    return obstacle(
      `storage ${storage} does not have content type "images"`,
      `Add it on a node (pvesm set ${storage} --content ${[...at.content, 'images'].join(',')}), or correct ${ANOTHER_STORAGE}.`,
    );
  const free = room.spaceOf(at);
  if (free >= needed) return undefined;
  return {
    cause: `${printNeeded(needed)} needed on storage ${storage}`,
    here: `${printFree(free)} of ${printFree(total)} free`,
    wayOut: `Free space there, or choose another storage: ${ANOTHER_STORAGE}.`,
  };
}

const rootStorageOf = ({ disks }: Template): string | undefined =>
  (disks.find(({ isRoot }) => isRoot) ?? disks[0])?.storage;

/** A clone that PVE creates on the node. */
function directRoute(template: Template, node: string, context: PlacementContext): Found {
  const { request } = context;
  const unmapped = unmappedDevices(template, node);
  if (unmapped !== undefined) return obstacle(unmapped);
  const why = fullCloneReason(template, request);
  const refused = notCopied(template, why);
  if (refused !== undefined) return refused;
  const linked = new Map(storagesOf(template).map((storage) => [storage, 0]));
  const fitted =
    why === undefined
      ? fitOnto(withDisks(linked, template, context), node, context, MIN_FREE_FOR_LINKED_CLONE)
      : fitOnto(
          withDisks(copySizes(template, request.storage, request.rootDisk), template, context),
          node,
          context,
        );
  if ('cause' in fitted) return fitted;
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

/** A full clone of a snapshot is not possible on every storage that can link one. */
const notCopied = ({ snapshot }: Template, why: string | undefined): Obstacle | undefined =>
  why !== undefined && snapshot?.canCopy === false
    ? obstacle(`a full clone would be needed, because ${why}, and Proxmox VE makes none of this snapshot`)
    : undefined;

/** PVE makes and moves such a guest, but does not start it. */
function unmappedDevices(template: Template, node: string): string | undefined {
  const missing = template.unmapped?.get(node) ?? [];
  return missing.length > 0
    ? `the resource mapping for ${missing.join(', ')} of ${named(template)} has no device here`
    : undefined;
}

/** A full clone on the template's node, followed by a move. */
function routeByMove(template: Template, node: string, context: PlacementContext): Found {
  const { request } = context;
  const onLocalStorage = `${isA(template)} is on local storage of ${template.node}`;
  const why = fullCloneReason(template, request) ?? onLocalStorage;
  const refused = notCopied(template, why);
  if (refused !== undefined) return refused;
  const hindered = moveObstacle(template, node, context);
  if (hindered !== undefined) return obstacle(hindered);
  const arrived = fitOnto(
    withDisks(copySizes(template, request.storage, request.rootDisk), template, context),
    node,
    context,
  );
  if ('cause' in arrived) return arrived;
  // If the template's node has the storage too, the copy is created there. The root disk is grown after the move.
  const copy = copyNextToTemplate(template, context);
  if ('cause' in copy) return notCopiedThere(copy, template);
  return {
    template,
    full: true,
    fullCloneReason: why,
    rootStorage: request.storage ?? rootStorageOf(template),
    moves: true,
    // A copy on shared storage is the final one.
    space: [...arrived.space, ...copy.space.filter(({ at }) => !at.shared)],
    ...(copy.storage !== undefined && { storage: copy.storage }),
  };
}

const named = ({ vmid, isTemplate }: Template): string => `${isTemplate ? 'template' : 'VM'} ${vmid}`;

const isA = ({ isTemplate }: Template): string => (isTemplate ? 'the template' : 'the source');
const notCopiedThere = ({ cause, here, wayOut }: Obstacle, template: Template): Obstacle =>
  obstacle(
    `${isA(template)} cannot be copied on ${template.node}: ${cause}${here === undefined ? '' : `, ${here}`}`,
    wayOut,
  );

function copyNextToTemplate(
  template: Template,
  context: PlacementContext,
): { readonly storage: string | undefined; readonly space: CloneRoute['space'] } | Obstacle {
  let problem = obstacle('');
  for (const storage of copyStorages(template, context)) {
    const made = fitOnto(copySizes(template, storage), template.node, context);
    if (!('cause' in made)) return { storage, ...made };
    problem = made;
  }
  return problem;
}

/** A move copies disks on local storage to the target storage; disks on shared storage stay. */
function copyStorages({ disks }: Template, context: PlacementContext): (string | undefined)[] {
  const { storage } = context.request;
  if (storage === undefined) return [undefined];
  return disks.some((disk) => isShared(context, disk.storage)) ? [storage] : [storage, undefined];
}

function moveObstacle(template: Template, node: string, context: PlacementContext): string | undefined {
  const { storage } = context.request;
  const unmapped = unmappedDevices(template, node);
  if (unmapped !== undefined) return unmapped;
  const { localDevices = [] } = template;
  if (localDevices.length > 0)
    return `${named(template)} uses devices of ${template.node}, so its clones cannot be moved: ${localDevices.join(', ')}`;
  const cd = template.cdStorages.find((id) => !isShared(context, id));
  if (cd !== undefined) return `${named(template)} on ${template.node} has a CD image on local storage ${cd}`;
  const from = template.disks.map((disk) => disk.storage);
  const missing = storage === undefined ? from.find((id) => !storageAt(context, node, id)) : undefined;
  if (missing !== undefined)
    return `${isA(template)} is on storage ${missing} of ${template.node}, which is not on this node (set a storageClass)`;
  if (storage === undefined) return undefined;
  const types = (at: string, id: string): string => storageAt(context, at, id)?.type ?? '';
  const stuck = from.find(
    (id) => id !== storage && !canMoveBetween(types(template.node, id), types(node, storage)),
  );
  return stuck === undefined
    ? undefined
    : `Proxmox VE does not move disks from storage ${stuck} of ${template.node} to ${storage}`;
}

/** Storages with an export format of their own (pve-storage, volume_export_formats). */
const TYPES_WITH_OWN_FORMAT = new Set(['zfspool', 'btrfs']);
const canMoveBetween = (from: string, to: string): boolean =>
  from === to || (!TYPES_WITH_OWN_FORMAT.has(from) && !TYPES_WITH_OWN_FORMAT.has(to));
