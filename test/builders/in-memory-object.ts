/** One object as the API server would keep it, behind the engine's store; the watch delivers everything at once. */
import type { Condition } from '../../src/runtime/conditions.ts';
import type { Readable, Resource } from '../../src/runtime/controller.ts';
import type { Entry, ObjectStore, Written } from '../../src/runtime/object-store.ts';

export interface InMemoryObject<O extends Resource> extends ObjectStore<O> {
  live(): O | undefined;
  /** `kubectl delete` */
  markDeleted(): void;
  /** `kubectl annotate` */
  annotate(annotations: Readonly<Record<string, string>>): void;
  /** Somebody replaces the status by an empty one. */
  loseStatus(): void;
  /** Somebody removes the finalizers of an object that is being deleted. */
  dropFinalizers(): void;
}

export function inMemoryObject<O extends Resource>(initial: O): InMemoryObject<O> {
  const key = `${initial.metadata.namespace}/${initial.metadata.name}`;
  let version = 1;
  let live: Entry<O> | undefined = entryOf(initial);

  function entryOf(object: O, rawStatus?: Readonly<Record<string, unknown>>): Entry<O> {
    const conditions = (rawStatus?.['conditions'] ?? []) as readonly Condition[];
    const status = rawStatus as O['status'];
    const read = { ...object, status };
    const partial = read as unknown as Readable<O>;
    return { key, metadata: object.metadata, object: read, partial, rawStatus, conditions };
  }

  function renew(
    entry: Entry<O>,
    metadata: Partial<O['metadata']>,
    rawStatus = entry.rawStatus,
  ): Entry<O> | undefined {
    version += 1;
    const next = { ...entry.metadata, ...metadata, resourceVersion: String(version) };
    const isGone = next.deletionTimestamp !== undefined && next.finalizers.length === 0;
    return isGone ? undefined : entryOf({ ...initial, metadata: next }, rawStatus);
  }

  function write(seen: Entry<O>, change: (entry: Entry<O>) => Entry<O> | undefined): Promise<Written<O>> {
    if (!live) return Promise.resolve('gone');
    if (live.metadata.resourceVersion !== seen.metadata.resourceVersion) return Promise.resolve('conflict');
    live = change(live);
    return Promise.resolve(live ?? seen);
  }

  return {
    live: () => live?.object,
    markDeleted() {
      live &&= renew(live, { deletionTimestamp: '2026-03-01T12:00:00Z' } as Partial<O['metadata']>);
    },
    annotate(annotations) {
      live &&= renew(live, { annotations } as Partial<O['metadata']>);
    },
    loseStatus() {
      live &&= renew(live, {}, {});
    },
    dropFinalizers() {
      live &&= renew(live, { finalizers: [] as readonly string[] } as Partial<O['metadata']>);
    },
    cached: () => live,
    keys: () => (live ? [key] : []),
    fetch: () => Promise.resolve(live),
    completed: (_entry, status) => status,
    restated: (entry, status) => entryOf(entry.object ?? initial, status),
    writeFinalizers: (entry, finalizers) =>
      write(entry, (stored) => renew(stored, { finalizers } as Partial<O['metadata']>)),
    writeStatus: (entry, status) =>
      write(entry, (stored) =>
        renew(stored, {}, JSON.parse(JSON.stringify(status)) as Record<string, unknown>),
      ),
  };
}
