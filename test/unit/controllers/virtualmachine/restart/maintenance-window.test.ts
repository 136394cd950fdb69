import { expect, test } from '@jest/globals';
import { windowAt } from '../../../../../controllers/virtualmachine/restart/maintenance-window.ts';
import { minutes } from '../../../../../src/lib/units.ts';

const at = (iso: string): number => Date.parse(iso);
const SATURDAY_NIGHT = { schedule: '0 2 * * SAT', duration: minutes(90), timeZone: 'Europe/Berlin' };

test.each([
  ['2026-03-07T00:59:59Z', { state: 'closed', opensAt: at('2026-03-07T01:00:00Z') }],
  ['2026-03-07T01:00:00Z', { state: 'open' }],
  ['2026-03-07T02:29:59Z', { state: 'open' }],
  ['2026-03-07T02:30:00Z', { state: 'closed', opensAt: at('2026-03-14T01:00:00Z') }],
])('a window of 90 minutes on Saturdays at two, Berlin time, at %s', (now, expected) => {
  expect(windowAt(SATURDAY_NIGHT, at(now))).toEqual(expected);
});

test('follows the clocks of its time zone when they change', () => {
  const daily = { ...SATURDAY_NIGHT, schedule: '0 5 * * *' };
  expect(windowAt(daily, at('2026-03-28T12:00:00Z'))).toEqual({
    state: 'closed',
    opensAt: at('2026-03-29T03:00:00Z'),
  });
});

test('is in UTC by default, and open all the time where it opens before it closes', () => {
  expect(windowAt({ schedule: '0 2 * * *', duration: minutes(1) }, at('2026-03-07T02:00:30Z')).state).toBe(
    'open',
  );
  expect(windowAt({ schedule: '0 * * * *', duration: minutes(60) }, at('2026-03-07T02:59:59Z')).state).toBe(
    'open',
  );
});

test.each([
  ['0 2 30 2 *', 'UTC', 'never comes'],
  ['5-1 * * * *', 'UTC', 'cannot be read'],
  ['0 2 * * *', 'Nowhere/City', 'cannot be read'],
])('that can never open (%s, %s) is reported', (schedule, timeZone, problem) => {
  expect(windowAt({ schedule, timeZone, duration: minutes(60) }, at('2026-03-07T02:00:00Z'))).toEqual({
    state: 'impossible',
    problem: expect.stringContaining(problem),
  });
});
