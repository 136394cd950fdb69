/** A guest as Proxmox VE has it. Types only: nothing in this file runs. */
import type { Reason } from '../../../src/api/index.ts';
import type { OwnerMark } from './owner-mark.ts';
import type { NodeName, Vmid } from '../../../src/lib/units.ts';

/** PVE's keys and values, as text. */
export type GuestConfig = Readonly<Record<string, string>>;

/** `net0` … */
export type NicDevice = `net${number}`;

/** One NIC of a guest: `net0` … as PVE has it, keys that are not ours included. */
export interface Nic {
  readonly device: string;
  readonly model: string;
  readonly mac: string | undefined;
  readonly bridge: string | undefined;
  readonly vlan: number | undefined;
}

/** The guest as PVE reports it in this pass; never as we remember it. */
export interface Guest {
  readonly vmid: Vmid;
  readonly node: NodeName;
  readonly mark: OwnerMark | undefined;
  /** PVE's own lock: clone, backup, snapshot, migrate … */
  readonly lock: string | undefined;
  readonly template: boolean;
  /** It is a container, of which nothing else is known. */
  readonly container?: true;
  /** Its process exists; `state` says whether it is executing. */
  readonly running: boolean;
  /** QEMU's run state: running, paused, io-error, prelaunch …; `stopped` without a process. */
  readonly state: string;
  readonly ha: HaState;
  /** For how long it has run, counted from its start in PVE: a reboot within the guest does not show. */
  readonly uptimeMs?: number;
  /** The guest's configuration with pending changes merged in, as PVE's keys and values. */
  readonly config: GuestConfig;
  /** Checksum of the configuration; PVE refuses a write that carries a stale one. */
  readonly digest: string;
  /** Changes that PVE holds until the guest is stopped and started. */
  readonly pending: readonly PendingChange[];
}

export interface HaState {
  /** HA of PVE starts, stops and moves the guest. */
  readonly managed: boolean;
  /** State of its HA resource: started, request_stop, error …; absent until HA has processed it. */
  readonly state: string | undefined;
}

export interface PendingChange {
  readonly key: string;
  readonly current?: string;
  readonly pending?: string;
}

/** Where the guest with our VMID is. */
export type Presence =
  | { readonly kind: 'seen'; readonly guest: Guest }
  /** Absent from the whole quorate cluster, seen with the right to see it. */
  | { readonly kind: 'absent' }
  /** Nothing was asked: our own reservation, for which no clone was requested yet. */
  | { readonly kind: 'notMade' }
  | { readonly kind: 'unknown'; readonly reason?: Reason; readonly message: string };
