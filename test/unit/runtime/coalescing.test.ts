import { describe, expect, test } from '@jest/globals';
import { millis } from '../../../src/lib/units.ts';
import { MAX_DELAY, coalescing } from '../../../src/runtime/coalescing.ts';
import { fakeClock } from './fake-clock.ts';
import { aThing, inMemoryStore, KEY } from './in-memory-store.ts';

const never = new AbortController().signal;
const saying = (message: string) => ({ message, conditions: [] });

function aStore() {
  const inner = inMemoryStore(aThing());
  const clock = fakeClock();
  const store = coalescing(inner, clock);
  const entry = () => store.cached(KEY)!;
  return { inner, clock, store, entry };
}

describe('a report that may wait', () => {
  test('is not written, and is shown as if it were', async () => {
    const { inner, store, entry } = aStore();
    expect(store.postpone(entry(), saying('one'))).toBe(true);
    expect(inner.statusWrites).toEqual([]);
    expect(entry().rawStatus).toEqual(saying('one'));
    expect((await store.fetch(KEY, never))?.rawStatus).toEqual(saying('one'));
  });

  test('is written with the next one that may not', async () => {
    const { inner, store, entry } = aStore();
    store.postpone(entry(), saying('one'));
    await store.writeStatus(entry(), saying('two'));
    expect(inner.statusWrites).toEqual([saying('two')]);
    expect(store.dueIn(KEY)).toBeUndefined();
    expect(entry().rawStatus).toEqual(saying('two'));
  });

  test('waits for a second at most, however many follow each other', async () => {
    const { clock, store, entry } = aStore();
    store.postpone(entry(), saying('one'));
    await clock.advance(millis(MAX_DELAY - 1));
    expect(store.postpone(entry(), saying('two'))).toBe(true);
    expect(store.dueIn(KEY)).toBe(1);
    await clock.advance(millis(1));
    expect(store.dueIn(KEY)).toBe(0);
    expect(store.postpone(entry(), saying('three'))).toBe(false);
  });

  test('is written by whoever has nothing to add, once it has waited for long enough', async () => {
    const { inner, clock, store, entry } = aStore();
    expect(await store.writeDue(KEY)).toBeUndefined();
    store.postpone(entry(), saying('one'));
    expect(await store.writeDue(KEY)).toBeUndefined();
    expect(inner.statusWrites).toEqual([]);
    await clock.advance(MAX_DELAY);
    expect(await store.writeDue(KEY)).toMatchObject({ rawStatus: saying('one') });
    expect(inner.statusWrites).toEqual([saying('one')]);
    expect(store.dueIn(KEY)).toBeUndefined();
  });

  test('outlives an edit of the spec or a label', () => {
    const { inner, store, entry } = aStore();
    store.postpone(entry(), saying('one'));
    inner.edit((stored) => ({ metadata: { ...stored.metadata, labels: { new: 'yes' } } }));
    inner.sync();
    expect(entry()).toMatchObject({ rawStatus: saying('one'), metadata: { labels: { new: 'yes' } } });
  });

  test('gives way to a status that another process wrote', () => {
    const { inner, store, entry } = aStore();
    store.postpone(entry(), saying('one'));
    inner.edit({ rawStatus: saying('theirs') });
    inner.sync();
    expect(entry().rawStatus).toEqual(saying('theirs'));
    expect(store.dueIn(KEY)).toBeUndefined();
  });

  test('is nothing to an object of the same name that came later', () => {
    const { inner, store, entry } = aStore();
    store.postpone(entry(), saying('one'));
    inner.edit((stored) => ({ metadata: { ...stored.metadata, uid: 'uid-2' } }));
    inner.sync();
    expect(entry().rawStatus).toBeUndefined();
  });

  test('keeps waiting after its write conflicted', async () => {
    const { inner, store, entry } = aStore();
    store.postpone(entry(), saying('one'));
    const old = entry();
    inner.edit({});
    expect(await store.writeStatus(old, saying('two'))).toBe('conflict');
    await store.fetch(KEY, never);
    expect(entry().rawStatus).toEqual(saying('one'));
  });

  test('is written when the process ends in good order', async () => {
    const { inner, store, entry } = aStore();
    store.postpone(entry(), saying('one'));
    await store.flush();
    expect(inner.statusWrites).toEqual([saying('one')]);
  });
});
