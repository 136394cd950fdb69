/** Whether a run begins or ends now, and which times are dealt with. Pure. */
import type { VMSnapshotSchedule, VMSnapshotScheduleSpec } from '../../src/api/index.ts';
import { minutes } from '../../src/lib/units.ts';
import type { Bookkeeping, Run } from './model.ts';
import type { Times } from './times.ts';

export interface Progress {
  readonly run: Run | undefined;
  readonly internal: Bookkeeping;
  readonly lastScheduleTime: string | undefined;
}

export type ActiveProgress = Progress & { readonly run: Run };

export const isActive = (progress: Progress): progress is ActiveProgress =>
  progress.run !== undefined && progress.run.completedAt === undefined;

export interface Due {
  readonly progress: Progress;
  /** `begun` and `missed`: recorded first, before anything is created. */
  readonly event: 'begun' | 'missed' | 'ended' | undefined;
}

/** A record that is further ahead was written by a process whose clock was wrong. */
const MAX_AHEAD = minutes(60);
const SUSPENDED = 'suspended';

export const moment = (time: number): string => new Date(time).toISOString().replace(/\.\d+Z$/, 'Z');

/** Of all times that have passed since the last pass only the latest counts. */
export function dueNow(
  { metadata, spec, status }: Pick<VMSnapshotSchedule, 'metadata' | 'spec' | 'status'>,
  { last }: Pick<Extract<Times, { ok: true }>, 'last'>,
  now: number,
): Due {
  const { suspend = false, startingDeadline } = spec;
  const recorded = status?.internal ?? {};
  const schedule = keyOf(spec);
  const until = doneUntil(recorded, schedule, metadata.creationTimestamp, now);
  const internal = { ...recorded, schedule, doneUntil: moment(until) };
  const { run, lastScheduleTime } = status ?? {};
  const before = { run, internal, lastScheduleTime };
  if (isActive(before) && suspend)
    return {
      progress: {
        run: { ...before.run, completedAt: moment(now) },
        internal: finished(internal),
        lastScheduleTime,
      },
      event: 'ended',
    };
  if (isActive(before) || suspend || last === undefined || last <= until)
    return { progress: before, event: undefined };
  const isLate = startingDeadline !== undefined && now - last > startingDeadline;
  return beginning(last, now, { internal, lastScheduleTime, isLate });
}

interface Before extends Omit<Progress, 'run'> {
  readonly isLate: boolean;
}

function beginning(time: number, now: number, { internal, lastScheduleTime, isLate }: Before): Due {
  const run: Run = { scheduledTime: moment(time), startedAt: moment(now), created: 0, skipped: 0 };
  const done = { ...finished(internal), doneUntil: run.scheduledTime };
  return isLate
    ? {
        progress: {
          run: { ...run, completedAt: run.startedAt, missed: true },
          internal: done,
          lastScheduleTime,
        },
        event: 'missed',
      }
    : { progress: { run, internal: done, lastScheduleTime: run.scheduledTime }, event: 'begun' };
}

/** Changes with the schedule and when it is suspended or resumed: times that passed before are not made up for then. */
const keyOf = ({ schedule, timeZone = 'UTC', suspend = false }: VMSnapshotScheduleSpec): string =>
  suspend ? SUSPENDED : `${schedule} ${timeZone}`;

function doneUntil(
  { schedule: recorded, doneUntil: until }: Bookkeeping,
  schedule: string,
  createdAt: string | undefined,
  now: number,
): number {
  if (recorded !== undefined && recorded !== schedule) return now;
  const at = Date.parse((recorded === undefined ? createdAt : until) ?? '');
  return Number.isNaN(at) || at - now > MAX_AHEAD ? now : at;
}

export const finished = ({ schedule, doneUntil: until }: Bookkeeping): Bookkeeping => ({
  ...(schedule !== undefined && { schedule }),
  ...(until !== undefined && { doneUntil: until }),
});
