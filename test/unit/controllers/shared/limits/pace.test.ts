import { expect, test } from '@jest/globals';
import { createPace } from '../../../../../controllers/shared/limits/pace.ts';

function scene(perSecond: number) {
  let now = 1_000_000;
  const pace = createPace(perSecond, () => now);
  return { until: (who: string) => pace.until(who), advance: (ms: number) => void (now += ms) };
}

test('the first may go at once, and those after it one by one', () => {
  const { until, advance } = scene(20);
  expect(['a', 'b', 'c'].map(until)).toEqual([0, 50, 100]);
  advance(50);
  expect(until('b')).toBe(0);
  expect(until('c')).toBe(50);
});

test('who asks again keeps its turn, and a turn is used once', () => {
  const { until, advance } = scene(10);
  until('a');
  expect([until('b'), until('b')]).toEqual([100, 100]);
  advance(100);
  expect(until('b')).toBe(0);
  expect(until('b')).toBe(100);
});

test('who comes late may still go, and who never comes keeps nobody waiting', () => {
  const { until, advance } = scene(10);
  for (let n = 0; n < 50; n += 1) until(`gone-${n}`);
  expect(until('late')).toBe(5000);
  advance(30_000);
  expect([until('late'), until('new')]).toEqual([0, 0]);
});

test('of many in any second no more than so many go', () => {
  const { until, advance } = scene(20);
  const waiting = new Set(Array.from({ length: 300 }, (_, n) => `vm-${n}`));
  const went: number[] = [];
  for (let ms = 0; waiting.size > 0; ms += 10) {
    for (const who of waiting) if (until(who) === 0 && waiting.delete(who)) went.push(ms);
    advance(10);
  }
  for (const start of went)
    expect(went.filter((at) => at >= start && at < start + 1000).length).toBeLessThanOrEqual(21);
  expect(went.at(-1)).toBeLessThan(16_000);
});
