/** What the engine expects of any object store: held by the real API server, and by the one in memory that stands in for it. */
import { describe, expect, test } from '@jest/globals';
import type { Resource } from '../../../src/runtime/controller.ts';
import type { Entry, ObjectStore } from '../../../src/runtime/object-store.ts';

export interface Subject<O extends Resource> {
  readonly store: ObjectStore<O>;
  /** A new object with one finalizer, `example.com/ours`; seen by the store. */
  create(): Promise<Entry<O>>;
  /** Another client sets a label on it. */
  label(entry: Entry<O>): Promise<void>;
  /** Another client deletes it. */
  requestDeletion(entry: Entry<O>): Promise<void>;
}

export function describeObjectStore<O extends Resource>(name: string, subject: () => Subject<O>): void {
  const fresh = async () => {
    const { store, ...others } = subject();
    return { store, others, entry: await others.create() };
  };
  const never = new AbortController().signal;

  describe(`an object store: ${name}`, () => {
    test('replaces the status whole, and what is read next is what was written', async () => {
      const { store, entry } = await fresh();
      const first = await store.writeStatus(entry, { a: 1, b: { c: 2 } });
      if (typeof first === 'string') throw new Error(first);
      const second = await store.writeStatus(first, { b: { d: 3 } });
      expect(second).toMatchObject({ rawStatus: { b: { d: 3 } } });
      expect(store.cached(entry.key)?.rawStatus).toEqual({ b: { d: 3 } });
      expect((await store.fetch(entry.key, never))?.rawStatus).toEqual({ b: { d: 3 } });
    });

    test('leaves spec, labels and generation alone when it writes a status', async () => {
      const { store, entry } = await fresh();
      const written = await store.writeStatus(entry, { a: 1 });
      if (typeof written === 'string') throw new Error(written);
      expect(written.object?.spec).toEqual(entry.object?.spec);
      expect(written.metadata).toEqual({
        ...entry.metadata,
        resourceVersion: written.metadata.resourceVersion,
      });
    });

    test('refuses both writes on an outdated copy, and changes nothing then', async () => {
      const { store, others, entry } = await fresh();
      await others.label(entry);
      expect(await store.writeStatus(entry, { a: 1 })).toBe('conflict');
      expect(await store.writeFinalizers(entry, [])).toBe('conflict');
      const live = await store.fetch(entry.key, never);
      expect(live?.rawStatus).toBeUndefined();
      expect(live?.metadata.finalizers).toEqual(['example.com/ours']);
      expect(live?.metadata.labels).toEqual({ seen: 'yes' });
    });

    test('replaces the finalizers, and completes a deletion with the last of them', async () => {
      const { store, others, entry } = await fresh();
      const both = await store.writeFinalizers(entry, ['example.com/theirs', 'example.com/ours']);
      if (typeof both === 'string') throw new Error(both);
      expect(both.metadata.finalizers).toEqual(['example.com/theirs', 'example.com/ours']);
      await others.requestDeletion(both);
      const deleting = await store.fetch(entry.key, never);
      expect(deleting?.metadata.deletionTimestamp).toBeDefined();
      const left = await store.writeFinalizers(deleting!, ['example.com/theirs']);
      if (typeof left === 'string') throw new Error(left);
      expect((await store.fetch(entry.key, never))?.metadata.finalizers).toEqual(['example.com/theirs']);
      await store.writeFinalizers(left, []);
      expect(await store.fetch(entry.key, never)).toBeUndefined();
      expect(await store.writeStatus(left, { a: 1 })).toBe('gone');
    });
  });
}
