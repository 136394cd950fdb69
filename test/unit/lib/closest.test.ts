import { describe, expect, test } from '@jest/globals';
import fc from '../../builders/fast-check.ts';
import { closestOf } from '../../../src/lib/closest.ts';

describe('names that exist', () => {
  test('are listed with the most similar to the one that is meant first', () => {
    expect(closestOf('medum', ['large', 'small', 'medium'])).toBe('medium, large, small');
    expect(closestOf('vmbr10', ['vmbr0', 'eth1', 'vmbr1'])).toBe('vmbr0, vmbr1, eth1');
  });

  test('are compared without regard to capitals', () => {
    expect(closestOf('UBUNTU', ['debian', 'ubuntu'])).toBe('ubuntu, debian');
  });

  test('are at most five, and the number of the others', () => {
    expect(closestOf('a', ['a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7'])).toBe('a1, a2, a3, a4, a5, and 2 more');
    expect(closestOf('a', ['b', 'b'])).toBe('b');
    expect(closestOf('a', [])).toBe('');
  });

  test('are cut off where they are very long', () => {
    expect(closestOf('a', ['a'.repeat(253)])).toBe(`${'a'.repeat(64)}…`);
  });

  test('include the closest of very many, of any length', () => {
    const many = Array.from({ length: 20_000 }, (_, n) => `zone-${n}-${'x'.repeat(240)}`);
    expect(closestOf('ubunut', [...many, 'ubuntu'])).toMatch(/^ubuntu, .*, and 19996 more$/);
  });

  test('are in the same order whatever the order they come in', () => {
    const names = fc.uniqueArray(fc.string({ maxLength: 12 }), { maxLength: 30 });
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), names, (meant, all) => {
        expect(closestOf(meant, all.toReversed())).toBe(closestOf(meant, all));
      }),
    );
  });

  test('begin with the name itself where it is one of them', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.stringMatching(/^[a-z]{1,9}$/), { minLength: 1, maxLength: 20 }),
        (all) => {
          const [one = ''] = all;
          expect(closestOf(one, all).split(/, |$/)[0]).toBe(one);
        },
      ),
    );
  });
});
