/** One guest in Proxmox VE and what status says of it, for the properties of the plan. Types only. */
import type { MarkedGuest } from '../../controllers/shared/guests/marks.ts';
import type { Guest, GuestConfig } from '../../controllers/shared/guests/model.ts';
import type { Failure, Task } from '../../controllers/virtualmachine/model/tasks.ts';
import type { DeliveryStatus } from '../../controllers/virtualmachine/cloud-init/status.ts';
import type { Desired } from '../../controllers/virtualmachine/model/desired.ts';
import type { RecordedDisk } from '../../controllers/virtualmachine/model/disks.ts';
import type { Claim, Hook } from '../../controllers/virtualmachine/model/observed.ts';
import type { RestartNote } from '../../controllers/virtualmachine/model/restart.ts';
import type { VirtualMachine, VirtualMachineInternal } from '../../src/api/index.ts';
import type { NodeName } from '../../src/lib/units.ts';
import type { StorageView } from '../../src/pve/index.ts';

export interface World {
  readonly now: number;
  readonly want: Desired;
  readonly template: GuestConfig;
  readonly claim: Omit<Claim, 'ageMs'> | undefined;
  /** Epoch ms. */
  readonly claimedAt: number;
  /** The guest on the claimed number. */
  readonly guest: Guest | undefined;
  /** Nobody can tell whether the guest is there. */
  readonly blind: boolean;
  readonly task: Task | undefined;
  readonly failure: Failure | undefined;
  readonly othersTasks: readonly string[];
  readonly namesakes: readonly MarkedGuest[];
  readonly noted: string | undefined;
  /** What status says of the data that the guest was given. */
  readonly delivery: DeliveryStatus;
  /** The guest agent answers, once the guest runs. */
  readonly answers: boolean;
  readonly volumes: ReadonlySet<string>;
  readonly storages: readonly StorageView[];
  /** Status says that we cloned it, rather than adopted it. */
  readonly cloned: boolean;
  /** For how long a lock was held without a task. */
  readonly lockedMs: number;
  /** Which device each network was given, as status would carry it. */
  readonly devices: NonNullable<NonNullable<VirtualMachine['status']>['networks']>;
  /** The interfaces that status has recorded before they were written. */
  readonly nicRecord?: NonNullable<VirtualMachineInternal['networks']>;
  /** What was applied: everything as it is desired now, everything as something else, or what a report recorded. */
  readonly applied: 'this' | 'other' | VirtualMachineInternal['applied'];
  /** As status has them. */
  readonly note: RestartNote | undefined;
  readonly restartedAt: string | undefined;
  /** Another VM of the class has the turn to be restarted. */
  readonly othersTurn: boolean;
  readonly hook: Hook | undefined;
  /** Every move that the spec asks for fails. */
  readonly moveFails?: boolean;
  /** Node of the spec that the guest was on once, as status has it. */
  readonly arrived: NodeName | undefined;
  /** Tags that status says are ours. */
  readonly ownTags: readonly string[];
  /** The disks that status knows. */
  readonly disks: readonly RecordedDisk[];
  readonly nextVmid: number;
  readonly maxCpus: number;
}
