/**
 * A task of Proxmox VE that a pass waits for, and a step that failed. Each kind of object has labels of its own and
 * says in a table what they mean. Types only: nothing in this file runs.
 */
import type { TaskTiming } from '../cluster/connections.ts';
import type { NodeName, Upid } from '../../../src/lib/units.ts';

/** What is known of the tasks with one label. */
export interface TaskInfo {
  /** What the task does, to follow "Proxmox VE is": `cloning the template`. */
  readonly doing: string;
  /** After a failure nothing else waits for the next attempt. Absent: everything does. */
  readonly blocksOnlyItself?: true;
  /** What to do about a failure that does not say so itself: a sentence. */
  readonly hint?: (message: string, node: NodeName | undefined) => string | undefined;
}

/** The labels of a kind and what they mean. */
export type TaskTable<Label extends string> = ReadonlyMap<Label, TaskInfo>;

/** `Unknown`: status holds a label of another version of the operator. */
export type TaskLabelOf<Label extends string> = Label | 'Unknown';

/** `type`: the label under which status keeps the task. The type that PVE gives it is in its UPID. */
export type Task<Label extends string> =
  | {
      readonly upid: Upid;
      readonly type: TaskLabelOf<Label>;
      readonly state: 'running';
      readonly ageMs: number;
      /** Its end triggers a pass. */
      readonly followed?: boolean;
      /** How long tasks of this sort usually take. */
      readonly usualMs?: number | undefined;
      readonly timing?: TaskTiming | undefined;
      /** How far a copy has come, for people. */
      readonly progress?: string | undefined;
    }
  | {
      readonly upid: Upid;
      readonly type: TaskLabelOf<Label>;
      readonly state: 'failed';
      readonly exit: string;
      /** What it was done to, for people. */
      readonly target?: string | undefined;
    }
  | { readonly upid: Upid; readonly type: TaskLabelOf<Label>; readonly state: 'ok' | 'lost' }
  /** Its node is offline: how it ended, or whether, is not known. */
  | {
      readonly upid: Upid;
      readonly type: TaskLabelOf<Label>;
      readonly state: 'unreachable';
      readonly node: NodeName;
    };

export interface Failure<Label extends string> {
  /** Label of the task that failed. */
  readonly step: TaskLabelOf<Label>;
  /** What it was done to, for people. */
  readonly target?: string | undefined;
  readonly message: string;
  readonly attempts: number;
  /** Epoch ms. */
  readonly at: number;
  /** Where the guest is now, if it was seen. Status does not keep it. */
  readonly node?: NodeName;
}
