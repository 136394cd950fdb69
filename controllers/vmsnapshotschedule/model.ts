/** What the decisions about a schedule rest on, as plain data. Types only: nothing in this file runs. */
import type { VMSnapshotScheduleStatus } from '../../src/api/index.ts';

export type Run = NonNullable<VMSnapshotScheduleStatus['run']>;
export type Bookkeeping = NonNullable<VMSnapshotScheduleStatus['internal']>;
export type SkippedVM = NonNullable<Run['skippedVMs']>[number];

/** A VMSnapshot of a schedule. */
export interface Snapshot {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** Name of the VirtualMachine. */
  readonly vm: string;
  readonly state: 'ready' | 'unfinished' | 'failed' | 'vmDeleted' | 'deleting';
  /** Others on the same storage wait for it. */
  readonly holds: boolean;
  /** It is being deleted, and waits for linked clones that need or needed it. */
  readonly neededByClones: boolean;
  /** Epoch ms. */
  readonly takenAt: number;
  /** Retention must not delete it: its user says so, or it is in use. */
  readonly kept: boolean;
  /** There may be a snapshot in Proxmox VE. */
  readonly claimed: boolean;
}

/** A storage that a disk of the VM is on. */
export interface StorageUse {
  /** Equal only for the same storage of the same PVE cluster. */
  readonly key: string;
  readonly name: string;
  /** Absent: not known now. */
  readonly usedPercent: number | undefined;
}

/** A VM whose turn it may be. */
export interface Candidate {
  readonly vm: string;
  readonly isCreated: boolean;
  /** Empty: not known. */
  readonly storages: readonly StorageUse[];
}
