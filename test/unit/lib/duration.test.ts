import { describe, expect, test } from '@jest/globals';
import fc from '../../builders/fast-check.ts';
import { formatDuration, parseDuration } from '../../../src/lib/duration.ts';
import { millis } from '../../../src/lib/units.ts';

describe('a duration', () => {
  test.each([
    ['60s', 60_000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['1.5s', 1500],
    ['250ms', 250],
    ['0s', 0],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDuration(text)).toEqual({ value: ms });
  });

  test.each(['', '60', 's', '5 m', '-5m', '1d', '1m-1s', '1e3s', '60S'])('%j is none', (text) => {
    expect(parseDuration(text)).toEqual({ problem: expect.stringContaining('for example 60s') });
  });

  test('is read as what was printed', () => {
    const day = 86_400_000;
    fc.assert(
      fc.property(fc.nat(day), (ms) => {
        expect(parseDuration(formatDuration(millis(ms)))).toEqual({ value: ms });
      }),
    );
    expect([90_000, 1500, 0].map((ms) => formatDuration(millis(ms)))).toEqual(['90s', '1s500ms', '0s']);
  });

  test('is the sum of its parts', () => {
    const part = fc.nat(999_999);
    fc.assert(
      fc.property(part, part, part, (h, m, s) => {
        expect(parseDuration(`${h}h${m}m${s}s`)).toEqual({ value: ((h * 60 + m) * 60 + s) * 1000 });
      }),
    );
  });
});
