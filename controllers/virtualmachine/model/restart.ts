/** The nouns of a VM's restarts. Types only: nothing in this file runs. */
import type { Reason } from '../../../src/api/index.ts';
import type { Millis } from '../../../src/lib/units.ts';

/** When restarts are allowed. */
export interface MaintenanceWindow {
  /** Five fields. */
  readonly schedule: string;
  readonly duration: Millis;
  /** Absent: UTC. */
  readonly timeZone?: string;
}

/** A restart that was announced before anything was done about it. */
export interface RestartNote {
  readonly cause: 'Requested' | 'PendingChanges';
  /** The request, or a digest of the changes. */
  readonly of: string;
  /** Epoch ms. */
  readonly at: number;
  /** The guest was seen off since. */
  readonly stopped: boolean;
}

/** What is to be done about a restart in this pass, and how status stands after it. */
export interface Restart {
  readonly note: RestartNote | undefined;
  /** The latest request that was carried out or recorded. */
  readonly restartedAt: string | undefined;
  /** `note`: only write down what stands here. `doubt`: wait until it is certain that no shutdown is under way. */
  readonly next?: 'note' | 'shutdown' | 'doubt';
  /** Why changes wait although the policy allows restarts. */
  readonly held?: { readonly reason: Reason; readonly message: string };
  /** A request that was recorded in this pass and is not run, because it was too old when it was first seen. */
  readonly expired?: string;
  /** A request for a time in the future: nothing is recorded before then. */
  readonly scheduled?: string;
  /** Epoch ms: when the maintenance window opens, the turn may be free, or the requested time comes. */
  readonly againAt?: number;
}
