/** VMSnapshotSchedule, for the registry. */
import { SCHEDULE_NAME_LABEL, type VMSnapshotSchedule } from '../../src/api/index.ts';
import type { KindModule } from '../shared/objects/kind-module.ts';
import { vmSnapshotScheduleController } from './controller.ts';
import type { VMSnapshotSchedulePorts } from './ports.ts';

export type VMSnapshotScheduleKindPorts = VMSnapshotSchedulePorts;

export const vmSnapshotScheduleKind: KindModule<VMSnapshotSchedule, VMSnapshotScheduleKindPorts> = {
  controller: vmSnapshotScheduleController,
  follows: {
    // When one is finished the next may begin. A name that is longer than a label is found by the timer.
    VMSnapshot: ({ object: { metadata } }) => {
      const name = metadata.labels[SCHEDULE_NAME_LABEL];
      return name === undefined ? [] : [`${metadata.namespace}/${name}`];
    },
  },
};
