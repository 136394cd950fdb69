import { expect, test } from '@jest/globals';
import { ageOf } from '../../../src/cli/output/age.ts';

const NOW = new Date('2026-03-11T12:00:00Z');

test.each([
  ['2026-03-11T11:58:30Z', '90s'],
  ['2026-03-11T11:54:30Z', '5m30s'],
  ['2026-03-11T11:55:00Z', '5m'],
  ['2026-03-11T10:00:00Z', '120m'],
  ['2026-03-11T07:30:00Z', '4h30m'],
  ['2026-03-10T12:00:00Z', '24h'],
  ['2026-03-08T10:00:00Z', '3d2h'],
  ['2026-02-11T12:00:00Z', '28d'],
  ['2026-03-11T12:00:09Z', '0s'],
  [undefined, '<unknown>'],
])('what was at %s is %s old, as kubectl prints it', (time, age) => {
  expect(ageOf(time, NOW)).toBe(age);
});
