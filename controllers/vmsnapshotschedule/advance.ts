/** Goes on with a run: creates the VMSnapshots whose turn it is. */
import type { VirtualMachine, VMSnapshotSchedule } from '../../src/api/index.ts';
import type { Pass, Readable } from '../../src/runtime/controller.ts';
import { isCreated } from '../shared/objects/is-created.ts';
import { selects } from '../shared/objects/label-selector.ts';
import { moment, type ActiveProgress, type Progress } from './due.ts';
import type { Candidate, Run, Snapshot } from './model.ts';
import { newSnapshot, snapshotName } from './new-snapshot.ts';
import type { VMSnapshotSchedulePorts } from './ports.ts';
import { HOLDS_FOR, snapshotOf } from './snapshots.ts';
import { storagesOf } from './storages.ts';
import { afterTurns, remaining, turnsOf, windowOf, type Handled, type Turn } from './turns.ts';

interface Context {
  readonly snapshots: readonly Snapshot[];
  readonly now: number;
  readonly pass: Pick<Pass<VMSnapshotSchedule>, 'reread'>;
}

/** `undefined`: the schedule was edited or deleted meanwhile. */
export async function advance(
  schedule: VMSnapshotSchedule,
  { run, internal, lastScheduleTime }: ActiveProgress,
  { snapshots, now, pass }: Context,
  ports: VMSnapshotSchedulePorts,
): Promise<Progress | undefined> {
  const vms = selectedVMs(schedule, ports);
  const names = remaining([...vms.keys()], internal);
  const turns = turnsOf({
    spec: schedule.spec,
    run,
    candidates: windowOf(names, internal).flatMap((name) => candidatesOf(vms.get(name), ports)),
    snapshots,
    busy: busyStorages(schedule.metadata.namespace, run, ports),
    nameFor: (vm) => snapshotName(schedule, vm, Date.parse(run.scheduledTime)),
    now,
  });
  if (turns.some(({ kind }) => kind === 'create') && !isSame(schedule, await pass.reread())) return undefined;
  const handled: Handled[] = [];
  for (const turn of turns) handled.push(...(await take(turn, schedule, ports)));
  return { ...afterTurns(run, internal, { names, handled, now: moment(now) }), lastScheduleTime };
}

const isSame = (schedule: VMSnapshotSchedule, live: VMSnapshotSchedule | undefined): boolean =>
  live?.metadata.generation === schedule.metadata.generation && live.metadata.deletionTimestamp === undefined;

/** By name. No snapshot is taken of a VM that is being deleted. */
function selectedVMs(
  { metadata: { namespace }, spec: { selector } }: VMSnapshotSchedule,
  { vmsIn }: VMSnapshotSchedulePorts,
): ReadonlyMap<string, Readable<VirtualMachine>> {
  return new Map(
    vmsIn(namespace)
      .filter(
        ({ metadata }) => metadata.deletionTimestamp === undefined && selects(selector, metadata.labels),
      )
      .map((vm) => [vm.metadata.name, vm]),
  );
}

const candidatesOf = (
  vm: Readable<VirtualMachine> | undefined,
  { connections }: VMSnapshotSchedulePorts,
): readonly Candidate[] =>
  vm ? [{ vm: vm.metadata.name, isCreated: isCreated(vm), storages: storagesOf(vm, connections) }] : [];

/**
 * Those on which a snapshot of any schedule is being taken. What another namespace has counts only if a task runs, and
 * not for ever: otherwise it could keep the others from their snapshots.
 */
function busyStorages(
  namespace: string,
  run: Run,
  { unfinishedSnapshots, vmNamed, connections, now: clock }: VMSnapshotSchedulePorts,
): ReadonlySet<string> {
  const now = clock();
  const waitsForOthers = Math.abs(now - Date.parse(run.startedAt)) < HOLDS_FOR;
  return new Set(
    unfinishedSnapshots()
      .filter(
        ({ metadata, status }) =>
          metadata.namespace === namespace || (waitsForOthers && status?.task !== undefined),
      )
      .map((snapshot) => snapshotOf(snapshot, now))
      .filter(({ holds }) => holds)
      .flatMap((snapshot) => vmNamed(snapshot.namespace, snapshot.vm) ?? [])
      .flatMap((vm) => storagesOf(vm, connections).map(({ key }) => key)),
  );
}

/** Empty: its turn comes again. */
async function take(
  turn: Turn,
  schedule: VMSnapshotSchedule,
  { snapshotWriter, snapshotNamed }: VMSnapshotSchedulePorts,
): Promise<readonly Handled[]> {
  const { vm } = turn;
  if (turn.kind === 'skip') return [{ vm, skipped: turn.skipped }];
  if (turn.kind === 'created') return [{ vm }];
  const made = await snapshotWriter.create(newSnapshot(schedule, vm, turn.name));
  if (made === 'created') return [{ vm }];
  // One of ours that the cache does not have yet is recognized once it does.
  if (!snapshotNamed(schedule.metadata.namespace, turn.name)) return [];
  const message = `VMSnapshot ${turn.name} exists and lacks the label of this schedule. Delete it, or wait for the next run.`;
  return [{ vm, skipped: { name: vm, reason: 'NameTaken', message } }];
}
