/** When the operator may restart a VM without a request. */
import { z } from 'zod';
import { parseDuration } from '../lib/duration.ts';
import { duration, rule, word } from './schema.ts';

/** A list of `*`, numbers and ranges, each with an optional step; L is the last day, # the n-th weekday. */
const part = (value: string): string => {
  const one = `(\\*|${value}(-${value})?)(/[0-9]{1,2})?`;
  return `${one}(,${one})*`;
};
const monthDay = '(0?[1-9]|[12][0-9]|3[01])';
const months = 'JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC';
const weekdays = 'SUN|MON|TUE|WED|THU|FRI|SAT';
const cron = new RegExp(
  `^${part('[0-5]?[0-9]')} ${part('([01]?[0-9]|2[0-3])')} (L|${part(monthDay)}) ` +
    `${part(`(0?[1-9]|1[0-2]|${months})`)} ${part(`([0-7]|${weekdays})(#[1-5])?`)}$`,
);

const SHORTEST = '1m';

export const rebootPolicy = z.enum(['Never', 'IfRequired', 'MaintenanceWindow']);

export const maintenanceWindow = z.object({
  schedule: word(
    cron,
    128,
    'must be a cron expression with five fields: minute, hour, day of the month, month, day of the week; for example 0 2 * * SAT',
  ).describe('When the window opens, as a cron expression, for example 0 2 * * SAT.'),
  duration: rule(duration, {
    cel: `duration(self) >= duration('${SHORTEST}')`,
    message: 'must be at least 1m',
    holds: (length) => {
      const shortest = parseDuration(SHORTEST);
      return 'value' in shortest && length >= shortest.value;
    },
  }).describe(
    'How long the window is open, for example 2h. Restarts start only within the window; one that has started is completed.',
  ),
  timeZone: word(
    /^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+){0,2}$/,
    64,
    'must be the name of an IANA time zone, for example Europe/Berlin',
  )
    .optional()
    .describe('IANA time zone of the schedule, for example Europe/Berlin; absent: UTC.'),
});
