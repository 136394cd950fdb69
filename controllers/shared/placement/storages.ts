/** The storages of a view by name and place: a server decides how many there are, and placement looks for many. */
import type { StorageView, View } from '../../../src/pve/index.ts';

export interface StorageIndex {
  at(node: string, storage: string): StorageView | undefined;
  /** On any node. */
  named(storage: string): StorageView | undefined;
  isShared(storage: string): boolean;
}

const indexes = new WeakMap<View['storages'], StorageIndex>();

function indexOf(storages: View['storages']): StorageIndex {
  const byPlace = new Map<string, StorageView>();
  const byName = new Map<string, StorageView>();
  const shared = new Set<string>();
  for (const each of storages) {
    const place = `${each.node}/${each.storage}`;
    if (!byPlace.has(place)) byPlace.set(place, each);
    if (!byName.has(each.storage)) byName.set(each.storage, each);
    if (each.shared) shared.add(each.storage);
  }
  return {
    at: (node, storage) => byPlace.get(`${node}/${storage}`),
    named: (storage) => byName.get(storage),
    isShared: (storage) => shared.has(storage),
  };
}

/** Made once for each read of the lists. */
export function storagesIn({ storages }: Pick<View, 'storages'>): StorageIndex {
  const index = indexes.get(storages) ?? indexOf(storages);
  indexes.set(storages, index);
  return index;
}
