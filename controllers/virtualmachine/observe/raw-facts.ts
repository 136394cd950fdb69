/** What Proxmox VE answers about one guest, and the questions it answers. Pure. */
import type {
  ActiveTask,
  Execution,
  MigrationPreconditions,
  SnapshotRow,
  TaskState,
} from '../../../src/pve/index.ts';
import type { Resolver } from '../../../src/cloudinit/index.ts';
import type { NodeName, Upid, Vmid } from '../../../src/lib/units.ts';
import type { LinkedClone } from '../../shared/guests/linked-clones.ts';
import type { MarkedGuest } from '../../shared/guests/marks.ts';
import type { Guest, Presence } from '../../shared/guests/model.ts';
import type { CreationFacts } from '../placement/creation.ts';

type At = Pick<Guest, 'node' | 'vmid'>;

/** One question to Proxmox VE; its answer is the fact of the same name. */
export type Read =
  | { readonly read: 'task' | 'taskLog'; readonly node: NodeName; readonly upid: Upid }
  | {
      readonly read: 'presence' | 'presenceAgain' | 'candidate';
      readonly vmid: Vmid;
      readonly hint: NodeName | undefined;
    }
  | { readonly read: 'template'; readonly vmid: Vmid }
  | { readonly read: 'source'; readonly vmid: Vmid; readonly snapname: string | undefined }
  | { readonly read: 'bridges'; readonly node: NodeName }
  | { readonly read: 'missingVolumes'; readonly node: NodeName; readonly volumes: readonly string[] }
  | { readonly read: 'activeTasks' }
  | { readonly read: 'vmidIsFree'; readonly vmid: Vmid }
  /** `refresh`: the list of guests may be older than this object. */
  | { readonly read: 'namesakes'; readonly refresh: boolean }
  | { readonly read: 'execution'; readonly guest: At; readonly pid: number }
  | { readonly read: 'images'; readonly node: NodeName; readonly storage: string }
  | { readonly read: 'resolver'; readonly guest: Pick<Guest, 'node' | 'vmid' | 'config'> }
  | { readonly read: 'snapshots'; readonly guest: At }
  | { readonly read: 'linkedClones'; readonly guest: Pick<Guest, 'node' | 'config'> }
  | { readonly read: 'movability'; readonly guest: At; readonly host: NodeName };

/** What was read in this pass. A fact that is absent was not asked for. */
export interface RawFacts extends CreationFacts {
  /** Of the task that status names. */
  readonly task?: TaskState;
  readonly taskLog?: readonly string[];
  /** The guest with our VMID. */
  readonly presence?: Presence;
  /** The locked guest, read again after the tasks. */
  readonly presenceAgain?: Presence;
  /** The guest to adopt. */
  readonly candidate?: Presence;
  /** Tasks that run, from a list that is newer than the pass. */
  readonly activeTasks?: readonly ActiveTask[];
  readonly vmidIsFree?: boolean;
  /** The guests that carry the mark of an object of our namespace and name. */
  readonly namesakes?: readonly MarkedGuest[];
  /** The process of the hook in status. */
  readonly execution?: Execution;
  /** Volumes on the storage of the cloud-init image. */
  readonly images?: readonly string[];
  /** The name servers and search domains that PVE would give to the guest. */
  readonly resolver?: Resolver;
  /** Of our guest; `unread`: PVE did not say. */
  readonly snapshots?: readonly SnapshotRow[] | 'unread';
  /** Of the snapshots and base volumes of our guest. */
  readonly linkedClones?: readonly LinkedClone[];
  /** PVE's preconditions of a move; a text: why they are not known. */
  readonly migrationPreconditions?: MigrationPreconditions | string;
}

export const NO_FACTS: RawFacts = { templates: new Map(), bridges: new Map(), missingVolumes: new Map() };
