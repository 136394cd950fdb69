/** The times that a schedule gives. Pure: the same moment gives the same answer. */
import { Cron } from 'croner';
import type { VMSnapshotScheduleSpec } from '../../src/api/index.ts';

export type Times =
  | {
      readonly ok: true;
      /** The latest time up to now, epoch ms; absent: there was none. */
      readonly last: number | undefined;
      /** The first time after now; absent: there is none. */
      readonly next: number | undefined;
    }
  | { readonly ok: false; readonly problem: string };

type Schedule = Pick<VMSnapshotScheduleSpec, 'schedule' | 'timeZone'>;

/**
 * A fixed time that a clock change skips comes right after the gap, and one that comes twice counts once; times of an
 * interval are counted as they pass.
 * @param now epoch ms
 */
export function timesOf({ schedule, timeZone = 'UTC' }: Schedule, now: number): Times {
  if (!isTimeZone(timeZone))
    return {
      ok: false,
      problem: `spec.timeZone "${timeZone}" is not known. Use the name of an IANA time zone, for example Europe/Berlin.`,
    };
  try {
    const cron = new Cron(schedule, { timezone: timeZone, mode: '5-part' });
    const next = cron.nextRun(new Date(now))?.getTime();
    // The time given to it is not included.
    const last = cron.previousRuns(1, new Date(now + 1))[0]?.getTime();
    if (next !== undefined || last !== undefined) return { ok: true, last, next };
    return { ok: false, problem: `spec.schedule "${schedule}" never comes. Correct the day or the month.` };
  } catch {
    return {
      ok: false,
      problem: `spec.schedule "${schedule}" cannot be read as a cron expression with five fields. Correct it, for example 0 2 * * *.`,
    };
  }
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
