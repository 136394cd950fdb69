/** A task of Proxmox VE that a pass waits for, and a step that failed. Types only: nothing in this file runs. */
import type { TaskTiming } from '../cluster/connections.ts';
import type { NodeName, Upid } from '../../../src/lib/units.ts';

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

export interface Failure {
  readonly step: string;
  readonly message: string;
  readonly attempts: number;
  /** Epoch ms. */
  readonly at: number;
}
