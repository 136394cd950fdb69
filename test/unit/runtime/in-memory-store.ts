/** Objects of one kind as an API server would keep them: versions, conflicts, and finalizers that hold back a deletion. */
import type { Condition } from '../../../src/runtime/conditions.ts';
import type { Resource } from '../../../src/runtime/controller.ts';
import type { Entry, ObjectStore } from '../../../src/runtime/object-store.ts';

export type Thing = Resource<{ readonly size: number }, { readonly made?: number }>;

export interface InMemoryStore extends ObjectStore<Thing> {
  /** Another client writes the object; the cache does not notice until it is notified. */
  edit(change: Partial<Entry<Thing>> | ((entry: Entry<Thing>) => Partial<Entry<Thing>>)): void;
  /** The watch catches up. */
  sync(): void;
  live(): Entry<Thing> | undefined;
  readonly statusWrites: Readonly<Record<string, unknown>>[];
  /** Answers the next write with this error. */
  failNext(error: Error): void;
}

export const KEY = 'default/thing';

export function aThing(change: Partial<Thing['metadata']> = {}): Entry<Thing> {
  const metadata = {
    name: 'thing',
    namespace: 'default',
    uid: 'uid-1',
    resourceVersion: '1',
    generation: 1,
    finalizers: ['thing/finalizer'],
    labels: {},
    annotations: {},
    ...change,
  };
  const object = { apiVersion: 'v1', kind: 'Thing', metadata, spec: { size: 1 } };
  return { key: KEY, metadata, object, partial: object, conditions: [] };
}

const restated = (entry: Entry<Thing>, rawStatus: Readonly<Record<string, unknown>>): Entry<Thing> => ({
  ...entry,
  rawStatus,
  conditions: rawStatus['conditions'] as Condition[],
});

export function inMemoryStore(initial: Entry<Thing> | undefined): InMemoryStore {
  let live = initial;
  let cached = initial;
  let failure: Error | undefined;
  let version = 1;
  const statusWrites: Readonly<Record<string, unknown>>[] = [];

  const renewed = (entry: Entry<Thing>, metadata: Partial<Thing['metadata']>): Entry<Thing> => {
    version += 1;
    const next = { ...entry.metadata, ...metadata, resourceVersion: String(version) };
    const withMeta = (object: Thing | undefined) => object && { ...object, metadata: next };
    return {
      ...entry,
      metadata: next,
      object: withMeta(entry.object),
      salvaged: withMeta(entry.salvaged),
    };
  };

  function write(seen: Entry<Thing>, change: (entry: Entry<Thing>) => Entry<Thing>) {
    const error = failure;
    failure = undefined;
    if (error) return Promise.reject(error);
    if (!live) return Promise.resolve('gone' as const);
    if (live.metadata.resourceVersion !== seen.metadata.resourceVersion)
      return Promise.resolve('conflict' as const);
    live = cached = change(live);
    const written = live;
    if (written.metadata.deletionTimestamp && written.metadata.finalizers.length === 0)
      live = cached = undefined;
    return Promise.resolve(written);
  }

  return {
    statusWrites,
    cached: () => cached,
    keys: () => (cached ? [KEY] : []),
    fetch: () => Promise.resolve((cached = live)),
    completed: (_entry, status) => status,
    restated,
    writeFinalizers: (entry, finalizers) => write(entry, (stored) => renewed(stored, { finalizers })),
    writeStatus: (entry, status) =>
      write(entry, (stored) => {
        const rawStatus = JSON.parse(JSON.stringify(status)) as Record<string, unknown>;
        statusWrites.push(rawStatus);
        return restated(renewed(stored, {}), rawStatus);
      }),
    edit(change) {
      if (!live) return;
      const parts = typeof change === 'function' ? change(live) : change;
      live = renewed({ ...live, ...parts }, parts.metadata ?? {});
    },
    sync: () => (cached = live),
    live: () => live,
    failNext: (error) => (failure = error),
  };
}
