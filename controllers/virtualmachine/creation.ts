/** Where a new guest would be made: reads the templates' disks, then lets `place` decide. */
import type { CallOptions, GuestView, Pve, View } from '../../src/pve/index.ts';
import type { NodeName, Vmid } from '../../src/lib/units.ts';
import type { Connection } from '../shared/connections.ts';
import { volumesOf } from './disks.ts';
import type { Creation } from './model.ts';
import { templatesNamed } from '../shared/templates.ts';
import { place, type Template } from './place.ts';
import type { Wish } from './resolve.ts';

/** A template's disks hardly ever change; fifty VMs made at once shall not ask fifty times. */
const REMEMBER_MS = 30_000;
/** So long after a clone PVE's figures may not show the new guest's memory yet. */
const PROMISE_MS = 30_000;

export interface Creations {
  decide(wish: Wish, view: View, options: CallOptions): Promise<Creation>;
  /** A guest is being made there: others made now see the memory as taken. */
  promise(uid: string, node: NodeName, memory: number): void;
}

export function createCreations(now: () => number): Creations {
  const known = new WeakMap<Connection, Map<Vmid, { readonly template: Template; readonly at: number }>>();
  const promises = new Map<
    string,
    { readonly node: NodeName; readonly memory: number; readonly until: number }
  >();

  async function template(
    connection: Connection,
    view: View,
    row: GuestView,
    options: CallOptions,
  ): Promise<Template> {
    const cache =
      known.get(connection) ?? new Map<Vmid, { readonly template: Template; readonly at: number }>();
    known.set(connection, cache);
    const cached = cache.get(row.vmid);
    if (cached && now() - cached.at < REMEMBER_MS && cached.template.node === row.node)
      return cached.template;
    const found = await readTemplate(connection.pve, row, view, options);
    cache.set(row.vmid, { template: found, at: now() });
    return found;
  }

  function promised(): ReadonlyMap<string, number> {
    const sums = new Map<string, number>();
    for (const [uid, { node, memory, until }] of promises) {
      if (until <= now()) promises.delete(uid);
      else sums.set(node, (sums.get(node) ?? 0) + memory);
    }
    return sums;
  }

  return {
    async decide({ connection, shape, image, storage, host }, view, options) {
      if (!shape || !image)
        return { ok: false, reason: 'ImageNotFound', message: 'The image of this VM is gone.' };
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
      const templates = await Promise.all(reachable.map((row) => template(connection, view, row, options)));
      return place(
        {
          cpus: shape.cpus,
          memory: shape.memory,
          nodeSelector: connection.nodeSelector,
          ...(host !== undefined && { host }),
          ...(storage !== undefined && { storage }),
        },
        templates,
        view,
        promised(),
      );
    },
    promise: (uid, node, memory) => void promises.set(uid, { node, memory, until: now() + PROMISE_MS }),
  };
}

async function readTemplate(pve: Pve, row: GuestView, view: View, options: CallOptions): Promise<Template> {
  const { values } = await pve.node(row.node).qemu(row.vmid).config(options);
  const volumes = volumesOf(values);
  const typeOf = (storage: string): string | undefined =>
    view.storages.find((s) => s.storage === storage)?.type;
  return {
    vmid: row.vmid,
    node: row.node,
    isTemplate: row.template,
    storages: [...new Set(volumes.map(({ storage }) => storage))],
    linkable: volumes.every(({ storage, volume }) => canLink(typeOf(storage), volume)),
  };
}

/** PVE links clones where the storage has snapshots of its own, or the file format has (pve-storage, volume_has_feature). */
const canLink = (type: string | undefined, volume: string): boolean =>
  type !== 'lvm' && type !== 'iscsi' && type !== 'iscsidirect' && !/\.(raw|vmdk)$/.test(volume);
