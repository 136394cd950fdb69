/** The nouns of how a guest is created, and where. Types only: nothing in this file runs. */
import type { Reason } from '../../../src/api/index.ts';
import type { NodeName, Vmid } from '../../../src/lib/units.ts';

export interface CloneCreation {
  readonly ok: true;
  readonly template: Vmid;
  /** The clone request is sent to the node where the template is. */
  readonly templateNode: NodeName;
  readonly node: NodeName;
  readonly full: boolean;
  /** The storage to name in the request: only with a full clone. */
  readonly storage?: string;
  /** Where the root disk is in the end. */
  readonly rootStorage?: string;
  /** It is created on the template's node, and moved before its first start. */
  readonly moves?: true;
  /** Why it is a full clone, as a clause. */
  readonly fullCloneReason?: string;
  /** Absent: its source is a template, or a VM that a VMImage names. */
  readonly copy?: Copy;
}

/** Without a template. */
export interface NewCreation {
  readonly ok: true;
  readonly template?: undefined;
  readonly templateNode?: undefined;
  readonly node: NodeName;
  readonly full?: undefined;
  readonly storage?: undefined;
  readonly rootStorage: string;
  readonly moves?: undefined;
  readonly fullCloneReason?: undefined;
  readonly copy?: undefined;
}

/** How a guest that does not exist yet would be created, or why it cannot be. */
export type Creation =
  | CloneCreation
  | NewCreation
  | {
      readonly ok: false;
      readonly reason: Reason;
      readonly message: string;
      /** The node that it is to be made on once the template of its VMImage is there. */
      readonly awaits?: NodeName;
    };

/** What is copied of a VM that has disks with data in them. */
export interface Copy {
  /** `VirtualMachine default/db` or `VMSnapshot default/before-upgrade` */
  readonly of: string;
  /** The VM runs. */
  readonly running: boolean;
  /** The snapshot to clone, as Proxmox VE calls it. Absent: the present state. */
  readonly snapname?: string;
  readonly disks: readonly CopiedDisk[];
  /** A hook script comes along, which Proxmox VE lets nobody but root@pam remove. */
  readonly hookscript?: string;
}

/** Where the copy of a disk that has a name is. */
export interface CopiedDisk {
  readonly name: string;
  readonly device: string;
}

/** Why a guest cannot be created. */
export type Refusal = Extract<Creation, { ok: false }>;

/** As it was reported last. */
export interface Refused {
  readonly creation: Refusal;
  /** Epoch ms. */
  readonly at: number;
}

/** What was chosen for a guest that is being created; recorded before it is requested. */
export interface Placement {
  /** Absent: it is made without one. */
  readonly template?: Vmid | undefined;
  readonly node: NodeName;
  readonly storage?: string | undefined;
  readonly fullCloneReason?: string | undefined;
  /** Absent: none has a name. */
  readonly disks?: readonly CopiedDisk[] | undefined;
}
