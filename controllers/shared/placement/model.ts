/** The nouns of how a guest is created, and where. Types only: nothing in this file runs. */
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
