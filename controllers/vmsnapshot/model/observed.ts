/** What a pass knows of a snapshot. Types only: nothing in this file runs. */
import type { VMSnapshotStatus } from '../../../src/api/index.ts';
import type { SnapshotRow, ActiveTask } from '../../../src/pve/index.ts';
import type { Presence } from '../../shared/guests/model.ts';
import type { LinkedClone } from '../../shared/guests/linked-clones.ts';
import type { Failure, Task } from '../../shared/tasks/model.ts';
import type { Blocked } from './blocked.ts';
import type { Request } from './request.ts';
import type { RevertFacts } from './revert.ts';
import type { TaskLabel } from './tasks.ts';

export type { Request };

export type Indication = NonNullable<VMSnapshotStatus['indications']>[number];

/** What the log of the task that took the snapshot says. */
export interface TakenAs {
  readonly indications: readonly Indication[];
  /** MiB of saved memory. */
  readonly savedMiB: number | undefined;
}

export interface Observed {
  /** Epoch ms. */
  readonly now: number;
  /** The name in status. */
  readonly name: string | undefined;
  /** The snapshot was complete once. */
  readonly made: boolean;
  readonly request: Request | undefined;
  readonly task: Task<TaskLabel> | undefined;
  readonly failure: Failure<TaskLabel> | undefined;
  /** The guest of the VM; `notMade`: nothing was asked. */
  readonly presence: Presence;
  /** The guest is proven to be that of the VM. */
  readonly proven: boolean;
  /** Snapshots of the guest. */
  readonly snapshots: readonly SnapshotRow[];
  /** Those whose description says that they are this object's. */
  readonly own: readonly SnapshotRow[];
  /** Tasks of Proxmox VE that run on the guest. */
  readonly activeTasks: readonly ActiveTask[];
  /** For how long the lock of the guest has been seen without a task. */
  readonly lockedMs: number;
  /** What the VM, or another of its snapshots, is in the middle of: a sentence. */
  readonly busy: string | undefined;
  /** The VM was never complete: a sentence. */
  readonly incomplete: string | undefined;
  /** Why no snapshot can be taken of the guest as it is. Read only before one is taken. */
  readonly obstacle: Blocked | undefined;
  /** Volumes on Ceph that need the snapshot, as far as it was looked for: only when it is, or was, to be deleted. */
  readonly linkedClones: readonly LinkedClone[];
  /** Linked clones of it on Ceph were seen, now or earlier. */
  readonly cloned: boolean;
  /** The guest has a QEMU process, as far as is known. */
  readonly running: boolean;
  /** Present once the task that took it has ended. */
  readonly takenAs: TakenAs | undefined;
  readonly revert: RevertFacts;
}
