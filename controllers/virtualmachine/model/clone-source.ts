/** What a VM with `spec.cloneFrom` is a copy of. Types only: nothing in this file runs. */
import type { Reason } from '../../../src/api/index.ts';
import type { Vmid } from '../../../src/lib/units.ts';
import type { GuestConfig } from '../../shared/guests/model.ts';
import type { OwnerMark } from '../../shared/guests/owner-mark.ts';
import type { Template } from '../../shared/placement/clone-routes.ts';

/** The VirtualMachine or VMSnapshot that the spec names, or why it cannot be cloned now. */
export type CloneFrom = CloneSource | CloneProblem;

export interface CloneSource {
  readonly ok: true;
  /** `VirtualMachine default/db` */
  readonly of: string;
  /** Whose guest it has to be, as the guest itself says. */
  readonly owner: OwnerMark;
  /** SMBIOS UUID that status of the source recorded. */
  readonly uuid: string | undefined;
  readonly vmid: Vmid;
  /** false: the spec asks for a full clone. */
  readonly linked: boolean;
  readonly snapshot?: {
    /** `VMSnapshot default/before-upgrade` */
    readonly of: string;
    /** In Proxmox VE. */
    readonly name: string;
    /** The line in its description that says which VMSnapshot it is. */
    readonly line: string;
  };
  /** Disks of the source that have a name, besides the boot disk. */
  readonly disks: readonly { readonly name: string; readonly volume: string }[];
}

export interface CloneProblem {
  readonly ok: false;
  readonly reason: Reason;
  readonly message: string;
}

/** The guest to clone, as it was read in this pass. */
export interface SourceGuest {
  readonly mark: OwnerMark | undefined;
  /** What is in force, without pending changes: PVE clones none of those. */
  readonly config: GuestConfig;
  readonly lock: string | undefined;
  readonly template: Template;
  /** What of it is cloned: the same, or what the snapshot has kept. */
  readonly cloned: GuestConfig;
}

/** `gone`: the list of guests has it no more; `noSnapshot`: the guest has no snapshot of that name. */
export type SourceSeen = SourceGuest | 'gone' | 'noSnapshot';
