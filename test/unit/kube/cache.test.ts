import { describe, expect, test } from '@jest/globals';
import fc from '../../builders/fast-check.ts';
import { isOlder, ObjectCache } from '../../../src/kube/cache.ts';
import { indexBy } from '../../../src/kube/index-by.ts';
import { aThing, type Thing } from './things.ts';

function aCache() {
  const cache = new ObjectCache<Thing>();
  const changes: string[] = [];
  cache.onChange((key, before, after) =>
    changes.push(
      `${key} ${before?.metadata.resourceVersion ?? '-'}>${after?.metadata.resourceVersion ?? '-'}`,
    ),
  );
  return { cache, changes };
}

test('versions are compared as numbers, also beyond what a double can hold', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n }), fc.bigInt({ min: 0n, max: 2n ** 64n }), (a, b) => {
      expect(isOlder(String(a), String(b))).toBe(a < b);
    }),
  );
});

describe('the cache', () => {
  test('never returns to an older state, from any source', () => {
    const { cache, changes } = aCache();
    cache.put(aThing('a', 5));
    cache.offer(aThing('a', 9)); // the answer to our own write
    cache.put(aThing('a', 7)); // the watch, on its way there
    cache.replaceAll([aThing('a', 8)], '8');
    expect(cache.entry('ns/a')!.metadata.resourceVersion).toBe('9');
    expect(cache.offer(aThing('a', 3)).metadata.resourceVersion).toBe('9');
    expect(changes).toEqual(['ns/a ->5', 'ns/a 5>9']);
  });

  test('does not restore from a late answer what the watch reported as deleted', () => {
    const { cache } = aCache();
    cache.put(aThing('a', 5));
    cache.remove('ns/a', '8');
    cache.offer(aThing('a', 6));
    expect(cache.keys()).toEqual([]);
    cache.offer(aThing('a', 12)); // made again since
    expect(cache.keys()).toEqual(['ns/a']);
  });

  test('does not drop a newer object because its predecessor is gone', () => {
    const { cache } = aCache();
    cache.put(aThing('a', 5));
    cache.offer(aThing('a', 12));
    cache.remove('ns/a', '8');
    cache.replaceAll([], '10');
    expect(cache.keys()).toEqual(['ns/a']);
    cache.replaceAll([], '12');
    expect(cache.keys()).toEqual([]);
  });

  test('keeps the namespaces apart that are watched one by one', () => {
    const cache = new ObjectCache<Thing>(['ns', 'other']);
    const there = (name: string, version: number) =>
      aThing(name, version, {
        metadata: { name, namespace: 'other', resourceVersion: String(version) },
        spec: { size: 1 },
      });
    cache.replaceAll([aThing('a', 5)], '5', 'ns');
    cache.replaceAll([there('b', 7)], '9', 'other');
    expect(cache.keys()).toEqual(['ns/a', 'other/b']);
    cache.replaceAll([], '9', 'other');
    expect(cache.keys()).toEqual(['ns/a']);
    // That the other watch has come to 9 says nothing about an object made here at 8.
    cache.offer(aThing('c', 8));
    cache.advance('20', 'other');
    cache.offer(there('b', 7));
    expect(cache.keys()).toEqual(['ns/a', 'ns/c']);
  });

  test('covers all namespaces, or those it is given', () => {
    expect(new ObjectCache().covers('any')).toBe(true);
    const some = new ObjectCache(['ns']);
    expect([some.covers('ns'), some.covers('other')]).toEqual([true, false]);
  });

  test('reports only what a list really changes', () => {
    const { cache, changes } = aCache();
    cache.replaceAll([aThing('a', 1), aThing('b', 2), aThing('c', 3)], '3');
    changes.length = 0;
    cache.replaceAll([aThing('b', 2), aThing('c', 5), aThing('d', 6)], '6');
    expect(changes).toEqual(['ns/a 1>-', 'ns/c 3>5', 'ns/d ->6']);
  });

  test('gives objects with a problem to who counts, not to who relies on them', () => {
    const { cache } = aCache();
    const byOwner = indexBy(cache, ({ spec }) => (spec.owner ? [spec.owner.name] : []));
    cache.put(aThing('good', 1));
    cache.put(aThing('half', 2, { spec: { size: 1, owner: { name: 'x', mail: 7 } } }));
    cache.put(aThing('bad', 3, { spec: { size: 'big' } }));
    expect(cache.list().map(({ metadata }) => metadata.name)).toEqual(['good', 'half', 'bad']);
    expect(byOwner.keys('x')).toEqual(['ns/half']);
    expect(cache.get('ns', 'half')).toBeUndefined();
    expect(cache.entry('ns/bad')!.problem).toContain('size');
    expect(cache.keys()).toEqual(['ns/good', 'ns/half', 'ns/bad']);
  });
});

describe('an index', () => {
  const owned = (name: string, version: number, owner?: string) =>
    aThing(name, version, { spec: { size: 1, ...(owner !== undefined && { owner: { name: owner } }) } });

  test('is at every moment what a walk through all objects would give', () => {
    const change = fc.record({
      name: fc.constantFrom('a', 'b', 'c'),
      owner: fc.constantFrom('x', 'y', undefined),
      gone: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (history) => {
        const cache = new ObjectCache<Thing>();
        const byOwner = indexBy(cache, ({ spec }) => (spec.owner ? [spec.owner.name] : []));
        history.forEach(({ name, owner, gone }, index) => {
          if (gone) cache.remove(`ns/${name}`, String(index + 1));
          else cache.put(owned(name, index + 1, owner));
          for (const value of ['x', 'y']) {
            const walked = cache.list().filter(({ spec }) => spec.owner?.name === value);
            expect(new Set(byOwner.objects(value))).toEqual(new Set(walked));
            expect(byOwner.keys(value)).toHaveLength(walked.length);
          }
        });
      }),
    );
  });
});
