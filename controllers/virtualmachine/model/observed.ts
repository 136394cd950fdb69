/** What a pass found. Types only: nothing in this file runs. */
import type { SnapshotRow } from '../../../src/pve/index.ts';
import type { Failure, Task } from './tasks.ts';
import type { DisplacedDrive } from './cloud-init.ts';
import type { AppliedParts, BestEffortWrite, ConfigChange, DeviceChanges, Drift } from './config.ts';
import type { CdromWork } from './cdroms.ts';
import type { DiskWork } from './disks.ts';
import type { LinkedClone } from '../../shared/guests/linked-clones.ts';
import type { MarkedGuest } from '../../shared/guests/marks.ts';
import type { PendingChange, Presence } from '../../shared/guests/model.ts';
import type { HookName } from './desired.ts';
import type { Move, Relocation } from './placement.ts';
import type { Placement } from '../../shared/placement/model.ts';
import type { Restart } from './restart.ts';
import type { Revert, SnapshotFacts } from './revert.ts';
import type { Vmid } from '../../../src/lib/units.ts';

/** The hook that status speaks of, as it is now. */
export interface Hook {
  readonly name: HookName;
  readonly state: 'Due' | 'Running' | 'Succeeded' | 'Failed';
  /** Epoch ms: since when it is due, or runs. */
  readonly since: number;
  readonly pid?: number;
  readonly exitCode?: number;
  readonly generation: number;
  /** It ended since the last pass. */
  readonly ended?: true;
}

/** The number an earlier pass reserved. */
export interface Claim {
  readonly vmid: Vmid;
  readonly ageMs: number;
  /** The guest was seen with our mark at least once. */
  readonly made: boolean;
  /** No clone request of ours can still be under way: none was sent, or its task has ended. */
  readonly certain: boolean;
  /** SMBIOS UUID of the guest, as it was seen last. */
  readonly uuid?: string;
  /** What was chosen with the number. Absent: the guest existed. */
  readonly placement?: Placement;
}

export interface Observed {
  /** Epoch ms; time is an input, so that a plan can be replayed. */
  readonly now: number;
  readonly claim: Claim | undefined;
  readonly presence: Presence;
  /** The guest that the spec asks to adopt, while the object has no number yet. */
  readonly candidate?: Presence | undefined;
  /** The cluster has no quorum, so its configuration is read-only. */
  readonly noQuorum?: boolean;
  readonly task: Task | undefined;
  readonly failure: Failure | undefined;
  /** UPIDs of running tasks that name our number, whoever started them. */
  readonly activeTasks: readonly string[];
  /** How long ago a stop of ours was seen to have ended. Absent: this process knows of none. */
  readonly stoppedMs?: number | undefined;
  /** For how long PVE has held a lock that no task accounts for. */
  readonly lockedMs: number;
  /** Guests with the mark of an object of our namespace and name, while the object has no number. */
  readonly namesakes: readonly MarkedGuest[];
  /** Pending changes that the spec asked for, as status has them. */
  readonly requestedChanges: readonly PendingChange[];
  /** The volume named in our status, to be deleted with the guest. */
  readonly seedVolume: string | undefined;
  /** The snapshot for which the volume was kept. Absent: none is known. */
  readonly seedKeptBy?: string | undefined;
  readonly hook: Hook | undefined;
  /** VMSnapshots of the VM that have something to do with its guest. Absent: none. */
  readonly snapshots?: readonly SnapshotFacts[];
  readonly revert?: Revert;
  /** What differs from the spec in a guest that keeps a restored state. */
  readonly restoredDiffers?: readonly string[];
  /** Of the object. */
  readonly generation: number;
  /** Tags that we set, as status has them. */
  readonly ownTags: readonly string[];
  /** What is left to be written alone. */
  readonly bestEffortWrites: readonly BestEffortWrite[];
  /** What of it PVE refused, or others changed: a sentence each. */
  readonly notApplied: readonly string[];
  /** What the guest's configuration should become, without the devices that are written alone; computed from the spec and the guest. */
  readonly change: ConfigChange | undefined;
  /** The change writes network interfaces or settings that status does not have yet. */
  readonly unrecordedNics?: boolean;
  /** Absent: nothing is to be changed. */
  readonly devices?: DeviceChanges | undefined;
  /** Network interfaces that are not written, because their bridge is missing: a sentence each. */
  readonly nicsNotApplied?: readonly string[] | undefined;
  /** Who has the number that the spec asks for, as a sentence. Absent: nobody, or it was not asked. */
  readonly vmidTaken?: string | undefined;
  /** Absent: the guest is on its node already, or cannot be moved there. */
  readonly move?: Move | undefined;
  /** Absent: it was not looked into. */
  readonly relocation?: Relocation | undefined;
  /** What somebody else changed in the guest's configuration. */
  readonly drift?: Drift | undefined;
  /** Keys that wait for a restart because the spec asks for them. Absent: the guest was not looked at. */
  readonly awaited?: readonly string[] | undefined;
  /** Keys of pending changes of ours that the spec no longer asks for. */
  readonly obsoleteKeys?: readonly string[];
  /** Absent: it was not judged. */
  readonly restart?: Restart | undefined;
  /** Which parts of the settings are applied. Absent: the guest was not read. */
  readonly parts?: AppliedParts | undefined;
  /** The guest was cloned and not configured yet: its options are those of its template. */
  readonly unconfigured?: boolean;
  /** Volumes on Ceph that need those of the guest. Absent: nobody looked for them. */
  readonly linkedClones?: readonly LinkedClone[] | undefined;
  /** A volume of the guest that would stay when the guest is destroyed. */
  readonly displacedDrive?: DisplacedDrive | undefined;
  /** The guest runs and has been up for so long that it has read its cloud-init image. */
  readonly hasBooted?: boolean;
  readonly disks: DiskWork | undefined;
  /** Absent: there are none, or the guest was not looked at. */
  readonly cdroms?: CdromWork | undefined;
  /** The settings with which a guest without a template is made. */
  readonly newGuest?: ConfigChange['set'] | undefined;
  /** Of the guest, whoever took them. Absent: they were not read. */
  readonly listedSnapshots?: readonly SnapshotRow[] | undefined;
  /** uids of the VMSnapshots that exist of this VM. Absent: none. */
  readonly vmSnapshots?: readonly string[];
}
