/** The cache of one kind, and the changes that its watch brings. */
import type { Watched } from '../../src/cmd/operator/watches.ts';
import type { Readable, Resource } from '../../src/runtime/controller.ts';
import type { ChangeListener, Entry } from '../../src/runtime/object-store.ts';

export const entryOf = <O extends Resource>(object: O): Entry<O> => ({
  key: `${object.metadata.namespace}/${object.metadata.name}`,
  metadata: object.metadata,
  object,
  partial: object as Readable<O>,
  conditions: [],
});

export function aWatch<O extends Resource>() {
  const listeners: ChangeListener<O>[] = [];
  const entries = new Map<string, Entry<O>>();
  const cache: Watched<O>['cache'] = {
    get: (namespace, name) => entries.get(`${namespace}/${name}`)?.object,
    partial: (namespace, name) => entries.get(`${namespace}/${name}`)?.partial,
    list: () => [...entries.values()].map(({ partial }) => partial),
    keys: () => [...entries.keys()],
    onChange: (listener) => void listeners.push(listener),
  };
  const change = (before: Entry<O> | undefined, after: Entry<O> | undefined): void => {
    const key = (after ?? before)!.key;
    if (after) entries.set(key, after);
    else entries.delete(key);
    for (const listener of listeners) listener(key, before, after);
  };
  return { cache, change, entries: (): readonly Entry<O>[] => [...entries.values()] };
}
