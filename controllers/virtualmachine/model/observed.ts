/** What a pass found. Types only: nothing in this file runs. */
import type { TaskTiming } from '../../shared/connections.ts';
import type { Aside, ConfigChange, Drift } from '../config/model.ts';
import type { DiskWork } from '../disks/model.ts';
import type { MarkedGuest } from '../../shared/marks.ts';
import type { Presence } from './guest.ts';
import type { HookName } from './wish.ts';
import type { Move, Placement, Relocation } from '../placement/model.ts';
import type { Restart } from '../restart/model.ts';
import type { NodeName, Upid, Vmid } from '../../../src/lib/units.ts';

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

export type Task =
  | {
      readonly upid: Upid;
      readonly type: string;
      readonly state: 'running';
      readonly ageMs: number;
      /** Its end starts a pass by itself. */
      readonly followed?: boolean;
      readonly timing?: TaskTiming | undefined;
      /** How far a copy has come, for people. */
      readonly progress?: string | undefined;
    }
  | { readonly upid: Upid; readonly type: string; readonly state: 'failed'; readonly exit: string }
  | { readonly upid: Upid; readonly type: string; readonly state: 'ok' | 'lost' }
  /** Its node is offline: how it ended, or whether, is not known. */
  | { readonly upid: Upid; readonly type: string; readonly state: 'unreachable'; readonly node: NodeName };

/** The number an earlier pass reserved. */
export interface Claim {
  readonly vmid: Vmid;
  readonly ageMs: number;
  /** The guest was seen with our mark at least once. */
  readonly made: boolean;
  /** No clone request of ours can still be under way: none was sent, or its task has ended. */
  readonly certain: boolean;
  /** What was chosen with the number. */
  readonly placement?: Placement;
}

export interface Failure {
  readonly step: string;
  readonly message: string;
  readonly attempts: number;
  /** Epoch ms. */
  readonly at: number;
}

export interface Observed {
  /** Epoch ms; time is an input, so that a plan can be replayed. */
  readonly now: number;
  readonly claim: Claim | undefined;
  readonly presence: Presence;
  /** The guest that the spec asks to adopt, while the object has no number yet. */
  readonly candidate?: Presence | undefined;
  readonly task: Task | undefined;
  readonly failure: Failure | undefined;
  /** UPIDs of running tasks that name our number, whoever started them. */
  readonly activeTasks: readonly string[];
  /** For how long PVE has held a lock that no task accounts for. */
  readonly lockedMs: number;
  readonly namesake: MarkedGuest | undefined;
  /** The volume named in our status, to be deleted with the guest. */
  readonly seedVolume: string | undefined;
  readonly hook: Hook | undefined;
  /** Of the object. */
  readonly generation: number;
  /** Tags that we set, as status has them. */
  readonly ownTags: readonly string[];
  /** What is left to be written alone. */
  readonly asides: readonly Aside[];
  /** What of it PVE refused, or others changed: a sentence each. */
  readonly asidesLeft: readonly string[];
  /** What the guest's configuration should become; computed from wish and guest. */
  readonly change: ConfigChange | undefined;
  /** Who has the number that the spec asks for, as a sentence. Absent: nobody, or it was not asked. */
  readonly vmidTaken?: string | undefined;
  /** Absent: the guest is on the node where it shall be, or cannot be moved there. */
  readonly move?: Move | undefined;
  /** Absent: it was not looked into. */
  readonly relocation?: Relocation | undefined;
  /** What somebody else changed in the guest's configuration. */
  readonly drift?: Drift | undefined;
  /** Keys that wait for a restart because the spec asks for them. Absent: the guest was not looked at. */
  readonly awaited?: readonly string[] | undefined;
  /** Absent: it was not judged. */
  readonly restart?: Restart | undefined;
  /** Digest of the wish for this guest, and of the one that was last brought about. Absent: the guest was not looked at. */
  readonly wish?: { readonly digest: string; readonly applied: string | undefined } | undefined;
  /** The guest runs and has been up for so long that it has read its cloud-init image. */
  readonly hasBooted?: boolean;
  readonly disks: DiskWork | undefined;
}
