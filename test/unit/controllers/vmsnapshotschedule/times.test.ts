import { describe, expect, test } from '@jest/globals';
import fc from '../../../builders/fast-check.ts';
import { timesOf } from '../../../../controllers/vmsnapshotschedule/times.ts';

const at = (time: string): number => Date.parse(time);
const read = (time: number | undefined): string | undefined =>
  time === undefined ? undefined : new Date(time).toISOString().slice(0, 16);

function times(schedule: string, now: string, timeZone?: string) {
  const found = timesOf({ schedule, timeZone }, at(now));
  return found.ok ? { last: read(found.last), next: read(found.next) } : found.problem;
}

/** All times after `from`, as the passes see them. */
function after(schedule: string, timeZone: string, from: string, count: number) {
  const found: (string | undefined)[] = [];
  let now = at(from);
  for (let i = 0; i < count; i += 1) {
    const next = timesOf({ schedule, timeZone }, now);
    if (!next.ok || next.next === undefined) break;
    now = next.next;
    found.push(read(now));
    // The pass at that very moment sees it as the last one.
    expect(timesOf({ schedule, timeZone }, now)).toMatchObject({ last: now });
  }
  return found;
}

describe('a schedule', () => {
  test('is at its time from the very millisecond on', () => {
    expect(times('0 2 * * *', '2026-03-01T01:59:59.999Z')).toEqual({
      last: '2026-02-28T02:00',
      next: '2026-03-01T02:00',
    });
    expect(times('0 2 * * *', '2026-03-01T02:00:00.000Z')).toEqual({
      last: '2026-03-01T02:00',
      next: '2026-03-02T02:00',
    });
  });

  test('that a clock change in spring skips comes right after the gap, once', () => {
    expect(after('30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', 3)).toEqual([
      '2026-03-29T01:00',
      '2026-03-30T00:30',
      '2026-03-31T00:30',
    ]);
  });

  test('that comes twice in autumn counts once', () => {
    expect(after('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', 3)).toEqual([
      '2026-10-25T00:30',
      '2026-10-26T01:30',
      '2026-10-27T01:30',
    ]);
  });

  test('of an interval passes through both changes without a gap or a repetition', () => {
    expect(after('0 * * * *', 'Europe/Berlin', '2026-03-28T23:30:00Z', 4)).toEqual([
      '2026-03-29T00:00',
      '2026-03-29T01:00',
      '2026-03-29T02:00',
      '2026-03-29T03:00',
    ]);
    expect(after('0 * * * *', 'Europe/Berlin', '2026-10-24T23:30:00Z', 4)).toEqual([
      '2026-10-25T00:00',
      '2026-10-25T01:00',
      '2026-10-25T02:00',
      '2026-10-25T03:00',
    ]);
  });

  test('on the 29th of February comes in leap years', () => {
    expect(times('0 0 29 2 *', '2026-03-01T00:00:00Z')).toEqual({
      last: '2024-02-29T00:00',
      next: '2028-02-29T00:00',
    });
  });

  test('by a name begins its day in its time zone', () => {
    expect(times('@daily', '2026-07-01T12:00:00Z', 'Asia/Tokyo')).toEqual({
      last: '2026-06-30T15:00',
      next: '2026-07-01T15:00',
    });
  });

  test.each([
    ['a time zone that does not exist', '0 2 * * *', 'Mars/Olympus', 'spec.timeZone "Mars/Olympus"'],
    ['a day that never comes', '0 0 30 2 *', undefined, 'never comes'],
    ['a step of zero', '*/0 * * * *', undefined, 'cannot be read'],
  ])('is refused with the reason for %s', (_what, schedule, timeZone, problem) => {
    expect(times(schedule, '2026-03-01T00:00:00Z', timeZone)).toContain(problem);
  });

  test('has one time at or before each moment and one after it, and none between', () => {
    const schedules = ['30 2 * * *', '*/30 1-3 * * *', '0 */6 * * *', '@weekly', '15 2 29 2 *', '0 2 L * *'];
    const zones = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'UTC'];
    const moments = fc.date({
      min: new Date('2025-01-01'),
      max: new Date('2029-01-01'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(
        fc.constantFrom(...schedules),
        fc.constantFrom(...zones),
        moments,
        (schedule, timeZone, now) => {
          const found = timesOf({ schedule, timeZone }, now.getTime());
          if (!found.ok || found.last === undefined || found.next === undefined) throw new Error('no times');
          expect(found.last).toBeLessThanOrEqual(now.getTime());
          expect(found.next).toBeGreaterThan(now.getTime());
          expect(timesOf({ schedule, timeZone }, found.last)).toMatchObject({ next: found.next });
          expect(timesOf({ schedule, timeZone }, found.next - 1)).toMatchObject({ last: found.last });
        },
      ),
      { numRuns: 150 },
    );
  });
});
