/** On which node and storage a file is kept until a template is made of it, and where that is made. Pure. */
import type { Reason, VMImageSpec } from '../../../src/api/index.ts';
import type { StorageView, View } from '../../../src/pve/index.ts';
import type { NodeName } from '../../../src/lib/units.ts';
import { isOutside, type Grant } from '../grants/grants.ts';
import { storagesIn } from './storages.ts';
import type { Demand } from '../images/demand.ts';

export interface Place {
  readonly node: NodeName;
  /** Of the file. */
  readonly storage: string;
}

export interface Problem {
  readonly reason: Reason;
  readonly message: string;
}

export interface Choice {
  readonly spec: Pick<VMImageSpec, 'download' | 'template'>;
  readonly view: View;
  readonly grant: Pick<Grant, 'nodes' | 'storages'>;
  /** Of the Provider; empty: all nodes. */
  readonly nodeSelector: readonly string[];
  /** Of the Provider. */
  readonly defaultStorage: string | undefined;
  readonly demands: readonly Pick<Demand, 'storage' | 'node' | 'isChosen'>[];
}

const room = ({ total, used }: StorageView): number => (total ?? 0) - (used ?? 0);

/** Storages that keep files: no others can be downloaded to. One of an ESXi host has content type `import` as well. */
const FILES: ReadonlySet<string | undefined> = new Set([
  'dir',
  'nfs',
  'cifs',
  'cephfs',
  'btrfs',
  'glusterfs',
]);

function usable({ view, grant, nodeSelector }: Choice, content: string): readonly StorageView[] {
  const online = new Set(view.nodes.flatMap(({ name, online: isOnline }) => (isOnline ? [name] : [])));
  return view.storages
    .filter(
      (row) =>
        row.status === 'available' &&
        row.content.includes(content) &&
        (content === 'images' || FILES.has(row.type)) &&
        online.has(row.node) &&
        !isOutside(grant.nodes, row.node) &&
        !isOutside(grant.storages, row.storage) &&
        (nodeSelector.length === 0 || nodeSelector.includes(row.node)),
    )
    .toSorted((a, b) => room(b) - room(a) || (`${a.node} ${a.storage}` < `${b.node} ${b.storage}` ? -1 : 1));
}

/** The storages that may be, from the most wanted; empty: any. */
function wantedStorages({ spec, demands, defaultStorage }: Choice): readonly string[] {
  const asked = spec.template?.storages;
  const needed = demands.flatMap(({ storage }) => storage ?? []);
  if (asked) return [...needed.filter((each) => asked.includes(each)), ...asked];
  return needed.length > 0 || defaultStorage === undefined ? needed : [defaultStorage];
}

/** @param node of the file; absent: any */
export function targetFor(choice: Choice, node?: NodeName): string | Problem {
  const wanted = wantedStorages(choice);
  const rows = usable(choice, 'images').filter((row) => node === undefined || row.node === node);
  const found = wanted.length === 0 ? rows[0] : rows.find(({ storage }) => storage === firstOf(wanted, rows));
  if (found) return found.storage;
  const what = wanted.length === 0 ? 'A storage' : `Storage ${[...new Set(wanted)].join(' or ')}`;
  return {
    reason: 'StorageUnavailable',
    message: `${what} with content type "images", which the template is to be made on, is not available${node === undefined ? ' on a node that is online' : ` on node ${node}, which has the file`}. Correct spec.template.storages, or allow the content type on the storage.`,
  };
}

const firstOf = (wanted: readonly string[], rows: readonly StorageView[]): string | undefined =>
  wanted.find((each) => rows.some(({ storage }) => storage === each));

const filesOf = (choice: Choice): readonly StorageView[] => {
  const allowed = choice.spec.download?.storages;
  return usable(choice, 'import').filter(({ storage }) => allowed?.includes(storage) ?? true);
};

/**
 * A node that can keep the file and make the template: one that VMs wait for on, if there is one.
 * @param on the only node that may be. Absent: any.
 */
export function placeFor(choice: Choice, on?: NodeName): Place | Problem {
  const files = filesOf(choice).filter(({ node }) => on === undefined || node === on);
  if (files.length === 0) return noStorage(choice, 'import', on);
  const nodes = new Set(choice.demands.flatMap(({ node }) => node ?? []));
  const fit = files.filter(({ node }) => typeof targetFor(choice, node) === 'string');
  const found = fit.find(({ node }) => nodes.has(node)) ?? fit[0];
  if (found) return { node: found.node, storage: found.storage };
  const target = targetFor(choice, files[0]?.node);
  return typeof target === 'string' ? { reason: 'StorageUnavailable', message: target } : target;
}

/** The nodes that a template can be made on, with the storage that it would be on there; in order of their names. */
export function templateNodes(choice: Choice): ReadonlyMap<NodeName, string> {
  const nodes = [...new Set(filesOf(choice).map(({ node }) => node))].toSorted();
  return new Map(
    nodes.flatMap((node) => {
      const target = targetFor(choice, node);
      return typeof target === 'string' ? [[node, target] as const] : [];
    }),
  );
}

/** Whether guests of a node can be cloned from a template on these storages: it is there, or all of them are shared. */
export const isReachedFrom = (
  node: string,
  template: { readonly node: string; readonly storages: readonly string[] },
  view: Pick<View, 'storages'>,
): boolean =>
  template.node === node ||
  template.storages.every(
    (each) => storagesIn(view).isShared(each) && storagesIn(view).at(node, each) !== undefined,
  );

/** Where an ISO image is kept: on a storage that all nodes see if there is one, or else on a node that VMs wait for. */
export function isoPlaceFor(choice: Choice): Place | Problem {
  const allowed = choice.spec.download?.storages;
  const rows = usable(choice, 'iso').filter(({ storage }) => allowed?.includes(storage) ?? true);
  const nodes = new Set(choice.demands.flatMap(({ node }) => node ?? []));
  const isNear = ({ node }: StorageView): boolean => nodes.size === 0 || nodes.has(node);
  const found =
    rows.find((row) => row.shared && isNear(row)) ??
    rows.find(({ shared }) => shared) ??
    rows.find(isNear) ??
    rows[0];
  return found ? { node: found.node, storage: found.storage } : noStorage(choice, 'iso');
}

function noStorage({ view, spec }: Choice, needed: 'import' | 'iso', on?: NodeName): Problem {
  const allowed = spec.download?.storages;
  const named = allowed ? `of spec.download.storages (${allowed.join(', ')}) ` : '';
  const candidate = view.storages.find(
    ({ storage, type }) => FILES.has(type) && (allowed?.includes(storage) ?? true),
  );
  const storage = candidate?.storage ?? allowed?.[0] ?? 'local';
  const content = [...new Set([...(candidate?.content ?? []), needed])].join(',');
  return {
    reason: 'StorageUnavailable',
    message: `No storage ${named}that may be used on ${on === undefined ? 'a node that is online' : `node ${on}, which VMs are to be made on,`} has content type "${needed}"${needed === 'import' ? ', which Proxmox VE has from 8.4 on' : ''}. Allow it on a storage that keeps files, on a node: pvesm set ${storage} --content ${content}`,
  };
}
