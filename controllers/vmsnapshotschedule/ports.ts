/** What the controller of schedules is made from. */
import type { VirtualMachine, VMSnapshot, VMSnapshotSpecInput } from '../../src/api/index.ts';
import type { ObjectWriter, Readable } from '../../src/runtime/controller.ts';
import type { Connections } from '../shared/cluster/connections.ts';

export interface VMSnapshotSchedulePorts {
  /** The VirtualMachines in a namespace. */
  readonly vmsIn: (namespace: string) => readonly Readable<VirtualMachine>[];
  readonly vmNamed: (namespace: string, name: string) => Readable<VirtualMachine> | undefined;
  /** The VMSnapshots with the uid of the schedule in their label. */
  readonly snapshotsOfSchedule: (uid: string) => readonly Readable<VMSnapshot>[];
  /** Those of all schedules that are not finished. */
  readonly unfinishedSnapshots: () => readonly Readable<VMSnapshot>[];
  readonly snapshotNamed: (namespace: string, name: string) => Readable<VMSnapshot> | undefined;
  readonly snapshotWriter: ObjectWriter<VMSnapshotSpecInput>;
  readonly connections: Pick<Connections, 'get'>;
  /** Epoch ms. */
  readonly now: () => number;
}
