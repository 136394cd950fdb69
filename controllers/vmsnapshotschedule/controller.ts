/** VMSnapshotSchedule: creates VMSnapshots at the times of the schedule, and deletes old ones. */
import type { VMSnapshotSchedule, VMSnapshotScheduleStatus } from '../../src/api/index.ts';
import { omitUndefined } from '../../src/lib/omit-undefined.ts';
import { inSlices } from '../../src/lib/slices.ts';
import { millis, minutes, seconds } from '../../src/lib/units.ts';
import type { Controller, Pass, ReconcileResult } from '../../src/runtime/controller.ts';
import { stalled, unchanged } from '../../src/runtime/outcome.ts';
import { advance } from './advance.ts';
import { dueNow, isActive } from './due.ts';
import type { Snapshot } from './model.ts';
import { templateProblem } from './new-snapshot.ts';
import { createPassGap } from './pass-gap.ts';
import type { VMSnapshotSchedulePorts } from './ports.ts';
import { reported } from './report.ts';
import { prunable } from './retention.ts';
import { snapshotOf } from './snapshots.ts';
import { timesOf, type Times } from './times.ts';

/** VMSnapshots of one schedule that may be being deleted at the same time. */
const MAX_DELETING = 8;
/** A pass looks at all VMSnapshots of its schedule, and each of them asks for passes when it changes. */
const GAP = seconds(1);
const WHILE_RUNNING = seconds(5);
/** Snapshots become old without a change in Kubernetes. */
const AT_LEAST_EVERY = minutes(10);

type SchedulePass = Pick<Pass<VMSnapshotSchedule>, 'reread'>;
type Result = ReconcileResult<VMSnapshotScheduleStatus>;
type KnownTimes = Extract<Times, { ok: true }>;

export function vmSnapshotScheduleController(
  ports: VMSnapshotSchedulePorts,
): Controller<VMSnapshotSchedule, VMSnapshotScheduleStatus> {
  const gap = createPassGap(GAP, ports.now);

  async function takePass(
    schedule: VMSnapshotSchedule,
    { times, now, pass }: { readonly times: KnownTimes; readonly now: number; readonly pass: SchedulePass },
  ): Promise<Result> {
    const snapshots = await inSlices(ownSnapshots(schedule, ports, now));
    const { progress, event } = dueNow(schedule, times, now);
    const report = { schedule, snapshots, times };
    // Recorded before the first VMSnapshot: a crash must not make another run of it.
    if (event === 'begun')
      return { ...reported({ ...report, progress, event, again: millis(0) }), bindsGeneration: true };
    const after = isActive(progress)
      ? await advance(schedule, progress, { snapshots, now, pass }, ports)
      : progress;
    if (!after) return { outcome: unchanged(GAP), status: {} };
    const isMoreToDelete = await prune(schedule, snapshots, ports, now);
    const untilNext = Math.min((times.next ?? Infinity) - now, AT_LEAST_EVERY);
    return reported({
      ...report,
      progress: after,
      event: isActive(progress) && !isActive(after) ? 'ended' : event,
      again: isActive(after) || isMoreToDelete ? WHILE_RUNNING : millis(Math.max(untilNext, GAP)),
    });
  }

  return {
    name: 'vmsnapshotschedule',
    async reconcile(schedule, pass) {
      const rest = gap.until(schedule.metadata.uid);
      if (rest > 0) return { outcome: unchanged(rest), status: {} };
      const now = ports.now();
      const times = timesOf(schedule.spec, now);
      if (!times.ok) return invalid(schedule, times.problem);
      const problem = templateProblem(schedule.spec.template);
      return problem === undefined ? takePass(schedule, { times, now, pass }) : invalid(schedule, problem);
    },
  };
}

/** What is known stays; there is no next time. */
const invalid = ({ status }: VMSnapshotSchedule, problem: string): Result => ({
  outcome: stalled('ScheduleInvalid', problem),
  status: omitUndefined({ ...status, nextScheduleTime: undefined }),
});

/** A label can be copied to any namespace. */
function* ownSnapshots(
  { metadata: { uid, namespace } }: VMSnapshotSchedule,
  { snapshotsOfSchedule }: VMSnapshotSchedulePorts,
  now: number,
): Generator<void, readonly Snapshot[]> {
  const own: Snapshot[] = [];
  for (const snapshot of snapshotsOfSchedule(uid)) {
    if (snapshot.metadata.namespace === namespace) own.push(snapshotOf(snapshot, now));
    yield;
  }
  return own;
}

/** Whether more has to be deleted. */
async function prune(
  { spec: { retention = {} } }: VMSnapshotSchedule,
  snapshots: readonly Snapshot[],
  { snapshotWriter }: VMSnapshotSchedulePorts,
  now: number,
): Promise<boolean> {
  const old = await inSlices(prunable(snapshots, retention, now));
  const deleting = snapshots.filter(({ state, holds }) => state === 'deleting' && holds).length;
  const next = old.slice(0, Math.max(0, MAX_DELETING - deleting));
  for (const snapshot of next) await snapshotWriter.delete(snapshot);
  return next.length < old.length;
}
