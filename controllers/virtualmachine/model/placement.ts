/** The nouns of where a guest is made and moved to. Types only: nothing in this file runs. */
import type { NodeName, Vmid } from '../../../src/lib/units.ts';

/** How a guest that is not there yet would be made, or why that cannot be. */
export type Creation =
  | {
      readonly ok: true;
      readonly template: Vmid;
      /** The clone request goes to the node where the template is. */
      readonly templateNode: NodeName;
      readonly node: NodeName;
      readonly full: boolean;
      /** The storage to name in the request: only with a full clone. */
      readonly storage?: string;
      /** Where the root disk is in the end. */
      readonly rootStorage?: string;
      /** It is made on the template's node, and moved before its first start. */
      readonly moves?: true;
      /** Why it is a full clone, as half a sentence. */
      readonly fullCloneReason?: string;
    }
  | { readonly ok: false; readonly reason: string; readonly message: string };

/** Why a guest cannot be made. */
export type Refusal = Extract<Creation, { ok: false }>;

/** As it was reported last. */
export interface Refused {
  readonly creation: Refusal;
  /** Epoch ms. */
  readonly at: number;
}

/** What was chosen for a guest that is being made; written down before the clone is requested. */
export interface Placement {
  readonly template: Vmid;
  readonly node: NodeName;
  readonly storage?: string | undefined;
  readonly fullCloneReason?: string | undefined;
}

/** The node that an existing guest is to be moved to. */
export interface Move {
  readonly to: NodeName;
  /** By spec.placement.host, and not as a part of making it: whatever else is due does not wait for it. */
  readonly asked?: true;
  /** It runs, and goes on running. */
  readonly online?: true;
  /** Disks on local storage are copied while it runs. */
  readonly withLocalDisks?: true;
  /** The storage for its disks, where those on local storage cannot keep theirs. */
  readonly targetStorage?: string;
}

/** How spec.placement.host stands, where the guest is elsewhere. */
export interface Relocation {
  /** Somebody moved it, and it is left there: a sentence. */
  readonly strayed?: string | undefined;
  /** Why it is not moved: a sentence. */
  readonly blocked?: string | undefined;
  readonly move?: Move | undefined;
}
