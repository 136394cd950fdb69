/** When the operator may restart a VM without a request. */
import { z } from 'zod';
import { parseDuration } from '../lib/duration.ts';
import { cron, timeZone } from './cron.ts';
import { duration, rule, word } from './schema.ts';

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
  timeZone: timeZone
    .optional()
    .describe('IANA time zone of the schedule, for example Europe/Berlin; absent: UTC.'),
});
