/** What schedules look up among VirtualMachines and VMSnapshots, without walking through those of others. */
import { isFinished, type ControllerPorts } from '../../../controllers/index.ts';
import { SCHEDULE_UID_LABEL, type VirtualMachine, type VMSnapshot } from '../../api/index.ts';
import { indexBy, type Index } from '../../kube/index-by.ts';
import type { Caches, Watches } from './watches.ts';

export interface ScheduleIndexes {
  readonly vmsByNamespace: Index<VirtualMachine>;
  readonly snapshotsByScheduleUid: Index<VMSnapshot>;
  readonly unfinished: Index<VMSnapshot>;
}

const ANY_SCHEDULE = 'any';

export function indexForSchedules({
  VirtualMachine: vms,
  VMSnapshot: snapshots,
}: Pick<Caches, 'VirtualMachine' | 'VMSnapshot'>): ScheduleIndexes {
  const uidOf = ({ metadata }: Pick<VMSnapshot, 'metadata'>): readonly string[] => {
    const uid = metadata.labels[SCHEDULE_UID_LABEL];
    return uid === undefined ? [] : [uid];
  };
  return {
    vmsByNamespace: indexBy(vms.cache, ({ metadata }) => [metadata.namespace]),
    snapshotsByScheduleUid: indexBy(snapshots.cache, uidOf),
    unfinished: indexBy(snapshots.cache, (snapshot) =>
      uidOf(snapshot).length > 0 && !isFinished(snapshot) ? [ANY_SCHEDULE] : [],
    ),
  };
}

type SchedulePorts = Pick<
  ControllerPorts,
  'vmsIn' | 'vmNamed' | 'snapshotsOfSchedule' | 'unfinishedSnapshots' | 'snapshotNamed' | 'snapshotWriter'
>;

export const schedulePorts = (
  { VirtualMachine, VMSnapshot }: Pick<Watches, 'VirtualMachine' | 'VMSnapshot'>,
  { vmsByNamespace, snapshotsByScheduleUid, unfinished }: ScheduleIndexes,
): SchedulePorts => ({
  vmsIn: (namespace) => vmsByNamespace.objects(namespace),
  vmNamed: (...at) => VirtualMachine.cache.partial(...at),
  snapshotsOfSchedule: (uid) => snapshotsByScheduleUid.objects(uid),
  unfinishedSnapshots: () => unfinished.objects(ANY_SCHEDULE),
  snapshotNamed: (...at) => VMSnapshot.cache.partial(...at),
  snapshotWriter: VMSnapshot.writer,
});
