import { describe, expect, test } from '@jest/globals';
import fc from '../../builders/fast-check.ts';
import { z } from 'zod';
import { bytes } from '../../../src/lib/units.ts';
import { parseSize, printSize } from '../../../src/pve/index.ts';
import { Flag, Int, maybe, MaybeUpid, Num, rows, Text, TextList } from '../../../src/pve/wire.ts';

describe('scalars', () => {
  test.each([1, '1', true, 'on', 'Yes'])('%j is a set flag', (value) => {
    expect(Flag.parse(value)).toBe(true);
  });

  test.each([0, '0', false, '', null, undefined, 'off'])('%j is no set flag', (value) => {
    expect(Flag.parse(value)).toBe(false);
  });

  test('numbers come as numbers or strings', () => {
    expect([Int.parse(4), Int.parse('4'), Num.parse('0.25'), Num.parse('1.5e-05')]).toEqual([
      4, 4, 0.25, 1.5e-5,
    ]);
  });

  test.each(['', 'x', '4 MiB', null, 1.5])('%j is no whole number', (value) => {
    expect(Int.safeParse(value).success).toBe(false);
  });

  test('an optional member that is absent, null or unreadable is undefined', () => {
    const schema = z.object({ a: maybe(Int), b: maybe(Int), c: maybe(Int), d: maybe(Int) });
    expect(schema.parse({ b: null, c: 'x', d: '7' })).toEqual({
      a: undefined,
      b: undefined,
      c: undefined,
      d: 7,
    });
  });

  test('an unreadable row is left out and the others stay', () => {
    expect(rows(z.object({ name: Text })).parse([{ name: 'a' }, 'odd', {}, { name: 7 }])).toEqual([
      { name: 'a' },
      { name: '7' },
    ]);
  });

  test('a list in one string is split at any of its separators', () => {
    expect(TextList.parse('a;b, c  d')).toEqual(['a', 'b', 'c', 'd']);
    expect(TextList.parse('')).toEqual([]);
  });

  test('no UPID means that the work is done', () => {
    expect(MaybeUpid.parse(null)).toBeUndefined();
    expect(MaybeUpid.safeParse('nonsense').success).toBe(false);
  });
});

describe('sizes', () => {
  test.each([
    ['32G', 32 * 1024 ** 3],
    ['2252M', 2252 * 1024 ** 2],
    ['528K', 528 * 1024],
    ['1T', 1024 ** 4],
    ['1.5G', 1.5 * 1024 ** 3],
    ['1000', 1000],
    ['12 GB', undefined],
    ['', undefined],
  ])('%s is %s bytes', (text, size) => {
    expect(parseSize(text)).toBe(size);
  });

  test('what is printed reads as the same size', () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 40 }), fc.constantFrom(1, 1024, 1024 ** 2, 1024 ** 3), (n, unit) => {
        const size = bytes((n % 4096) * unit);
        expect(parseSize(printSize(size))).toBe(size);
      }),
    );
  });

  test('a size is printed in its largest whole unit, as PVE takes it', () => {
    expect([3584 * 1024 ** 2, 2 * 1024 ** 3, 1000, 0].map((n) => printSize(bytes(n)))).toEqual([
      '3584M',
      '2G',
      '1000',
      '0',
    ]);
  });
});
