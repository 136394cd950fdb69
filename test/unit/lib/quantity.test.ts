import { describe, expect, test } from '@jest/globals';
import fc from '../../builders/fast-check.ts';
import { formatQuantity, parseQuantity } from '../../../src/lib/quantity.ts';
import { bytes } from '../../../src/lib/units.ts';

describe('a quantity', () => {
  test.each([
    ['4Gi', 4 * 1024 ** 3],
    [4096, 4096],
    ['512M', 512_000_000],
    ['1.5Gi', 1.5 * 1024 ** 3],
    ['.5Ki', 512],
    ['5.Ki', 5120],
    ['1k', 1000],
    ['4e9', 4_000_000_000],
    ['4E+3', 4000],
    ['1E', 1e18],
    ['25e-1', 2],
    ['1500m', 1],
    ['0', 0],
  ])('%s is %d bytes', (text, size) => {
    expect(parseQuantity(text)).toEqual(
      size <= Number.MAX_SAFE_INTEGER ? { value: size } : { problem: `${text} is too large` },
    );
  });

  test.each(['', '.', 'Gi', '4GB', '4 Gi', '4gi', '4K', '-4Gi', '4Gi4', '1,5Gi', '0x10', '4e', 'e4', '१Gi'])(
    '%j is none',
    (text) => {
      expect(parseQuantity(text)).toEqual({ problem: expect.stringContaining('for example 4Gi') });
    },
  );

  test.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('the number %d is none', (value) => {
    expect(parseQuantity(value)).toEqual({ problem: expect.stringContaining(`${value}`) });
  });

  test('is read at once however large its exponent', () => {
    expect(parseQuantity('1e999999999')).toHaveProperty('problem');
    expect(parseQuantity('1e-999999999')).toHaveProperty('problem');
  });

  test('is exact where floating point is not: a fraction of a byte is dropped, never a whole one', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 9_000_000_000_000n), (tenths) => {
        const text = `${tenths / 10n}.${tenths % 10n}k`;
        expect(parseQuantity(text)).toEqual({ value: Number((tenths * 1000n) / 10n) });
      }),
    );
  });

  test('survives being written and read again', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.nat(5), (value, power) => {
        const size = value * 1024 ** power;
        fc.pre(Number.isSafeInteger(size));
        expect(parseQuantity(formatQuantity(bytes(size)))).toEqual({ value: size });
      }),
    );
  });

  test('is written with the largest unit that leaves a whole number', () => {
    expect(formatQuantity(bytes(4 * 1024 ** 3))).toBe('4Gi');
    expect(formatQuantity(bytes(1.5 * 1024 ** 3))).toBe('1536Mi');
    expect(formatQuantity(bytes(1000))).toBe('1000');
    expect(formatQuantity(bytes(0))).toBe('0');
  });

  test('either has a value or a problem, for every text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const parsed = parseQuantity(text);
        expect('value' in parsed ? Number.isSafeInteger(parsed.value) : parsed.problem.length > 0).toBe(true);
      }),
    );
  });
});
