/** What is reported about a schedule. Pure. */
import type { VMSnapshotSchedule, VMSnapshotScheduleStatus } from '../../src/api/index.ts';
import { omitUndefined } from '../../src/lib/omit-undefined.ts';
import type { Millis } from '../../src/lib/units.ts';
import type { EventNote, ReconcileResult } from '../../src/runtime/controller.ts';
import { settled } from '../../src/runtime/outcome.ts';
import { warning } from '../shared/errors/event.ts';
import { moment, type Due, type Progress } from './due.ts';
import type { Run, Snapshot } from './model.ts';
import type { Times } from './times.ts';

export interface ReportInputs {
  readonly schedule: Pick<VMSnapshotSchedule, 'spec'>;
  readonly snapshots: readonly Snapshot[];
  readonly times: Pick<Extract<Times, { ok: true }>, 'next'>;
  readonly progress: Progress;
  readonly event: Due['event'];
  readonly again: Millis;
}

export function reported(inputs: ReportInputs): ReconcileResult<VMSnapshotScheduleStatus> {
  const { schedule, snapshots, times, progress, again } = inputs;
  const count = (state: Snapshot['state']): number =>
    snapshots.filter((snapshot) => snapshot.state === state).length;
  const inUse = snapshots.filter(({ neededByClones }) => neededByClones).length;
  const isSuspended = schedule.spec.suspend === true;
  return {
    outcome: settled(again),
    status: omitUndefined({
      ...progress,
      nextScheduleTime: isSuspended || times.next === undefined ? undefined : moment(times.next),
      active: count('unfinished'),
      snapshots: snapshots.length,
      readySnapshots: count('ready'),
      snapshotsInUse: inUse === 0 ? undefined : inUse,
    }),
    events: eventsOf(inputs),
  };
}

function eventsOf({
  progress: { run },
  event,
}: Pick<ReportInputs, 'progress' | 'event'>): readonly EventNote[] {
  if (!run) return [];
  if (event === 'missed')
    return [
      warning(
        'RunMissed',
        `The run of ${run.scheduledTime} did not take place: spec.startingDeadline had passed when the operator could have started it.`,
      ),
    ];
  return event === 'ended' && run.skipped > 0 ? [warning('VMsSkipped', skippedMessage(run))] : [];
}

function skippedMessage({ scheduledTime, created, skipped, skippedVMs = [] }: Run): string {
  const [first] = skippedVMs;
  const example = first ? ` ${first.name}: ${first.message}` : '';
  return `The run of ${scheduledTime} requested ${created} VMSnapshots and skipped ${skipped} VMs.${example} status.run lists them.`;
}
