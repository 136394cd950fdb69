/** Where a new guest would be made: reads the templates' disks, lets `place` decide, and promises the room at once. */
import type { CallOptions, GuestView, Pve, View } from '../../../src/pve/index.ts';
import type { NodeName, Vmid } from '../../../src/lib/units.ts';
import type { CloneRequest } from '../../shared/limits/clones.ts';
import { spaceKey } from '../../shared/cluster/ledger.ts';
import { templatesNamed } from '../../shared/cluster/templates.ts';
import { cdStoragesOf, disksOf, volumesOf } from '../../shared/guests/disks.ts';
import type { Claim } from '../model/observed.ts';
import type { Creation } from '../model/placement.ts';
import { place, type Template } from './place.ts';
import type { ResolvedSpec } from '../resolve/resolve.ts';
import type { CloneRoute } from './clone-routes.ts';

/** A template's disks hardly ever change; fifty VMs made at once are not to ask fifty times. */
const REMEMBER_MS = 30_000;

export interface Where {
  readonly view: View;
  /** Nodes that cannot be used, with the reason as half a sentence. */
  readonly unfit?: ReadonlyMap<NodeName, string>;
}

export interface Creations {
  /** What is decided is promised to this VM: whoever decides next sees it as taken. */
  decide(
    resolved: ResolvedSpec,
    claim: Claim | undefined,
    where: Where,
    options: CallOptions,
  ): Promise<Creation>;
}

interface Remembered {
  readonly template: Template;
  readonly at: number;
}

export function createCreations(now: () => number): Creations {
  /** A Connection is made again at each pass of its Provider; the handles stay. */
  const known = new WeakMap<Pve, Map<Vmid, Remembered>>();

  async function template(pve: Pve, view: View, row: GuestView, options: CallOptions): Promise<Template> {
    const cache = known.get(pve) ?? new Map<Vmid, Remembered>();
    known.set(pve, cache);
    const cached = cache.get(row.vmid);
    if (cached && now() - cached.at < REMEMBER_MS && cached.template.node === row.node)
      return { ...cached.template, running: row.status === 'running' };
    const found = await readTemplate(pve, row, view, options);
    cache.set(row.vmid, { template: found, at: now() });
    return found;
  }

  return {
    async decide(resolved, claim, { view, unfit }, options) {
      const { connection, shape, image, owner } = resolved;
      if (!shape || !image)
        return { ok: false, reason: 'ImageNotFound', message: 'The VMImage of this VM no longer exists.' };
      const named = templatesNamed(image, view);
      if (!named.ok) return named;
      const reachable = named.guests.filter(({ node }) =>
        view.nodes.some(({ name, online }) => name === node && online),
      );
      if (reachable.length === 0)
        return {
          ok: false,
          reason: 'TemplateUnreachable',
          message: `The template is on a node that is offline: ${named.guests.map(({ node }) => node).join(', ')}.`,
        };
      const templates = await Promise.all(
        reachable.map((row) => template(connection.pve, view, row, options)),
      );
      // From here on nothing is awaited: no other decision falls between reading the ledger and the promise.
      const { ledger } = connection;
      const placed = place(
        { ...placementRequest(resolved, shape, claim), ...(unfit && { unfit }) },
        templates,
        view,
        ledger.besides(owner.uid, view),
      );
      if ('route' in placed)
        ledger.promise(owner.uid, {
          vmid: claim?.vmid,
          node: placed.creation.node,
          memory: shape.memory,
          space: spaceOf(placed.route),
        });
      else ledger.release(owner.uid);
      return placed.creation;
    },
  };
}

const placementRequest = (
  { connection, storage, host }: ResolvedSpec,
  { cpus, memory, rootDisk, disks }: NonNullable<ResolvedSpec['shape']>,
  claim: Claim | undefined,
): Parameters<typeof place>[0] => {
  const chosen: NodeName | undefined = claim?.placement?.node;
  return {
    cpus,
    memory,
    nodeSelector: connection.nodeSelector,
    ...(host !== undefined && { host }),
    ...(storage !== undefined && { storage }),
    ...(rootDisk !== undefined && { rootDisk }),
    ...(disks && { disks }),
    ...(chosen !== undefined && { chosen }),
  };
};

function spaceOf({ space }: CloneRoute): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const { at, bytes } of space) sums.set(spaceKey(at), (sums.get(spaceKey(at)) ?? 0) + bytes);
  return sums;
}

/** What the clone competes with others for. */
export function cloneRequestOf(
  { template, templateNode, full, storage, rootStorage = '' }: Extract<Creation, { ok: true }>,
  view: View,
): CloneRequest {
  const id = storage ?? rootStorage;
  const row = view.storages.find((each) => each.node === templateNode && each.storage === id);
  return {
    source: template,
    running: view.guests.get(template)?.status === 'running',
    full,
    storage: row ? spaceKey(row) : `${templateNode}/${id}`,
  };
}

async function readTemplate(pve: Pve, row: GuestView, view: View, options: CallOptions): Promise<Template> {
  const { values } = await pve.node(row.node).qemu(row.vmid).config(options);
  const typeOf = (storage: string): string | undefined =>
    view.storages.find((s) => s.storage === storage)?.type;
  return {
    vmid: row.vmid,
    node: row.node,
    isTemplate: row.template,
    running: row.status === 'running',
    disks: disksOf(values),
    cdStorages: cdStoragesOf(values),
    linkable: volumesOf(values).every(({ storage, volume }) => canLink(typeOf(storage), volume)),
  };
}

/** PVE links clones where the storage has snapshots of its own, or the file format has (pve-storage, volume_has_feature). */
const canLink = (type: string | undefined, volume: string): boolean =>
  type !== 'lvm' && type !== 'iscsi' && type !== 'iscsidirect' && !/\.(raw|vmdk)$/.test(volume);
