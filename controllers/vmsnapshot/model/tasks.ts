/** The tasks of a VMSnapshot in Proxmox VE: their labels in status, and what they mean. Pure. */
import type { VMSnapshotStatus } from '../../../src/api/index.ts';
import type { TaskInfo, TaskTable } from '../../shared/tasks/model.ts';

/** As status keeps it. */
export type TaskLabel = NonNullable<VMSnapshotStatus['task']>['type'];

const STORAGES = 'See "What cannot be snapshotted" in docs/kinds/vmsnapshot.md.';

export const TASKS: TaskTable<TaskLabel> = new Map<TaskLabel, TaskInfo>([
  [
    'Create',
    {
      doing: 'taking the snapshot',
      hint: (message) => (/snapshot feature is not available/.test(message) ? STORAGES : undefined),
    },
  ],
  ['Delete', { doing: 'deleting the snapshot' }],
  ['Revert', { doing: 'reverting the VM to the snapshot' }],
]);
