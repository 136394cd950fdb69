import { describe, expect, test } from '@jest/globals';
import { pollGapMs, firstLookMs } from '../../../../../controllers/shared/tasks/in-progress.ts';
import {
  usualMs,
  withEnded,
  type EndedTask,
  type UsualTimes,
} from '../../../../../controllers/shared/tasks/usual-time.ts';

const NONE: UsualTimes = new Map();
const START = { type: 'qmstart', id: '100' };

/** Asks for a task that takes `lastsMs` as the operator would, and counts. */
function followed(times: UsualTimes, lastsMs: number): { times: UsualTimes; looks: number; lateMs: number } {
  const usual = usualMs(times, START);
  let age = firstLookMs({ usualMs: usual });
  let looks = 1;
  for (; age < lastsMs; looks += 1) age += pollGapMs(age, { usualMs: usual });
  const ended: EndedTask = { ...START, tookMs: age, wasSeenRunning: looks > 1 };
  return { times: withEnded(times, ended), looks, lateMs: age - lastsMs };
}

function after(lasting: readonly number[]): { times: UsualTimes; looks: readonly number[]; lateMs: number } {
  let times = NONE;
  const looks: number[] = [];
  let lateMs = 0;
  for (const lastsMs of lasting) {
    const next = followed(times, lastsMs);
    times = next.times;
    looks.push(next.looks);
    lateMs = next.lateMs;
  }
  return { times, looks, lateMs };
}

const alike = (count: number, lastsMs: number): number[] => Array.from({ length: count }, () => lastsMs);

describe('a task of a sort that has been seen', () => {
  test('is asked for once or twice, where the first one was asked for many times', () => {
    const { looks } = after(alike(20, 1_000));
    expect(looks[0]).toBeGreaterThan(10);
    expect(Math.max(...looks.slice(1))).toBeLessThanOrEqual(3);
  });

  test('is noticed to have ended within a tenth of its time', () => {
    for (let count = 2; count < 20; count += 1)
      expect(after(alike(count, 1_000)).lateMs).toBeLessThanOrEqual(150);
  });

  test('that takes less than before is asked for earlier each time, until it is seen running', () => {
    const { times } = after([...alike(5, 1_900), ...alike(40, 100)]);
    expect(usualMs(times, START)).toBeLessThan(200);
  });

  test('is asked for within two seconds, however long the one before it took', () => {
    const { times } = after([60_000]);
    expect(firstLookMs({ usualMs: usualMs(times, START) })).toBeLessThanOrEqual(2_000);
  });
});

test('a clone is expected to take as long as the last of the same template', () => {
  const times = withEnded(NONE, { type: 'qmclone', id: '9000', tookMs: 800, wasSeenRunning: true });
  expect(usualMs(times, { type: 'qmclone', id: '9000' })).toBe(800);
  expect(usualMs(times, { type: 'qmclone', id: '9001' })).toBeUndefined();
});

test('a server that invents sorts of tasks fills no memory', () => {
  let times = NONE;
  for (let n = 0; n < 1_000; n += 1)
    times = withEnded(times, { type: `sort-${n}`, id: '', tookMs: 100, wasSeenRunning: false });
  expect(times.size).toBeLessThanOrEqual(100);
});
