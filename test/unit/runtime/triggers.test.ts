import { describe, expect, test } from '@jest/globals';
import type { ChangeListener, Entry } from '../../../src/runtime/object-store.ts';
import type { PassReason } from '../../../src/runtime/pass-reason.ts';
import { watchOwn, watchRelated } from '../../../src/runtime/triggers.ts';
import { aThing, KEY, type Thing } from './in-memory-store.ts';

function aSource() {
  const listeners: ChangeListener<Thing>[] = [];
  const added: string[] = [];
  const forgotten: string[] = [];
  return {
    source: { onChange: (listener: ChangeListener<Thing>) => void listeners.push(listener) },
    queue: {
      add: (key: string, reason: PassReason) => void added.push(`${key} ${reason}`),
      forget: (key: string) => void forgotten.push(key),
    },
    change: (before: Entry<Thing> | undefined, after: Entry<Thing> | undefined) =>
      listeners.forEach((listener) => listener(KEY, before, after)),
    added,
    forgotten,
  };
}

describe('a controller’s own object', () => {
  test.each([
    ['appears', undefined, aThing()],
    ['has a new spec', aThing(), aThing({ generation: 2 })],
    ['is being deleted', aThing(), aThing({ deletionTimestamp: '2026-01-01T00:00:00Z' })],
    ['has another annotation', aThing(), aThing({ annotations: { a: 'b' } })],
    ['has another label', aThing(), aThing({ labels: { a: 'b' } })],
    ['lost a finalizer', aThing(), aThing({ finalizers: [] })],
    ['can be read again', { ...aThing(), object: undefined }, aThing()],
    ['is another of the same name', aThing(), aThing({ uid: 'uid-2' })],
  ])('asks for a pass when it %s', (_what, before, after) => {
    const { source, queue, change, added } = aSource();
    watchOwn(source, queue);
    change(before, after);
    expect(added).toEqual([`${KEY} edit`]);
  });

  test.each([
    ['is empty', {}],
    ['is the default of the CRD', { observedGeneration: -1 }],
    ['is gone', undefined],
  ])('asks for a pass when its status %s although it was reported', (_what, rawStatus) => {
    const { source, queue, change, added } = aSource();
    watchOwn(source, queue);
    const reported = { ...aThing(), rawStatus: { observedGeneration: 1 } };
    const { rawStatus: _reported, ...rest } = reported;
    change(reported, { ...rest, ...(rawStatus && { rawStatus }) });
    expect(added).toEqual([`${KEY} edit`]);
    // Nothing was lost that had not been reported.
    change({ ...rest, ...(rawStatus && { rawStatus }) }, reported);
    expect(added).toHaveLength(1);
  });

  test('asks for none when only its status was written', () => {
    const { source, queue, change, added } = aSource();
    watchOwn(source, queue);
    change(aThing(), { ...aThing({ resourceVersion: '2' }), rawStatus: { made: 1 } });
    expect(added).toEqual([]);
  });

  test('is forgotten when it is gone', () => {
    const { source, queue, change, added, forgotten } = aSource();
    watchOwn(source, queue);
    change(aThing(), undefined);
    expect([added, forgotten]).toEqual([[], [KEY]]);
  });
});

test('a related object asks for a pass over all that depended on it before or depend on it now, once each', () => {
  const { source, queue, change, added } = aSource();
  watchRelated(source, queue, ({ metadata }) => (metadata.labels['users'] ?? '').split(','));
  change(aThing({ labels: { users: 'a,b' } }), aThing({ labels: { users: 'b,c' } }));
  expect(added).toEqual(['a relatedObject', 'b relatedObject', 'c relatedObject']);
});
