/** Reverts of a guest to a snapshot, and other work of VMSnapshots on it. Types only: nothing in this file runs. */
import type { VirtualMachineInternal } from '../../../src/api/index.ts';
import type { Vmid } from '../../../src/lib/units.ts';

/** What matters to the VM of a VMSnapshot that has something to do with its guest. */
export interface SnapshotFacts {
  readonly name: string;
  readonly uid: string;
  readonly vmid: Vmid | undefined;
  /** It has a task in Proxmox VE. */
  readonly task?: 'Create' | 'Delete' | 'Revert';
  /** A revert that has not ended. */
  readonly revert?: { readonly requestedAt: string; readonly state: 'Announced' | 'Sent' };
  /** The revert that ended last. */
  readonly last?: {
    readonly requestedAt: string;
    readonly result: 'Reverted' | 'Failed' | 'Unknown' | 'NotRun';
    readonly at: string;
  };
}

/** `status.internal.revert` */
export type RecordedRevert = NonNullable<VirtualMachineInternal['revert']>;

export type RevertNext =
  /** The VMSnapshot waits for the guest to be left alone. */
  | { readonly kind: 'asked'; readonly revert: RecordedRevert }
  /** The guest is left alone. */
  | { readonly kind: 'running'; readonly snapshot: string }
  /**
   * To be recorded before anything else is done. `ended`: the guest was reverted, or may have been. `leaves`: it keeps the
   * restored state no longer.
   */
  | {
      readonly kind: 'record';
      readonly revert: RecordedRevert;
      readonly ended?: true;
      readonly leaves?: true;
    };

export interface Revert {
  readonly next?: RevertNext;
  /** The guest keeps the state of this revert: differences from the spec are not applied. */
  readonly holds?: RecordedRevert;
}
