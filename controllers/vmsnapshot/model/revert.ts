/** The revert of a VM to a snapshot. Types only: nothing in this file runs. */
import type { VMSnapshotStatus } from '../../../src/api/index.ts';
import type { Upid } from '../../../src/lib/units.ts';
import type { Request } from './request.ts';

export type OpenRevert = NonNullable<NonNullable<VMSnapshotStatus['internal']>['revert']>;
export type LastRevert = NonNullable<VMSnapshotStatus['lastRevert']>;

/** How a revert ended. */
export type Ending = Pick<LastRevert, 'result' | 'message'>;

export interface RevertFacts {
  /** RFC 3339, as in the spec. */
  readonly requestedAt: string | undefined;
  /** The latest time that was carried out or recorded. */
  readonly last: string | undefined;
  /** Times that were in the future when they were first seen. */
  readonly ignored: readonly string[];
  /** Epoch ms: when the snapshot was taken. Absent: it is not complete. */
  readonly takenAt: number | undefined;
  /** Epoch ms: since when status knows the snapshot. */
  readonly knownSince: number | undefined;
  /** The one that has not ended. */
  readonly open: OpenRevert | undefined;
  /** Of the open one, once it is sent or about to be. */
  readonly request: Request | undefined;
  /** The VirtualMachine has recorded the open one and has no task: it leaves the guest alone. */
  readonly acknowledged: boolean;
  /** A task that rolled the guest back since the request was announced. */
  readonly found: Upid | undefined;
  /** Why PVE would refuse it: a sentence. */
  readonly obstacle: string | undefined;
}
