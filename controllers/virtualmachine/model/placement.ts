/** The nouns of how a guest that exists is moved. Types only: nothing in this file runs. */
import type { NodeName } from '../../../src/lib/units.ts';

/** The node that an existing guest is moved to. */
export interface Move {
  readonly to: NodeName;
  /** By spec.placement.host, and not as a part of its creation: other changes do not wait for it. */
  readonly asked?: true;
  /** It runs, and keeps running. */
  readonly online?: true;
  /** Disks on local storage are copied while it runs. */
  readonly withLocalDisks?: true;
  /** The storage for its disks, where those on local storage cannot keep theirs. */
  readonly targetStorage?: string;
}

/** How spec.placement.host stands, where the guest is elsewhere. */
export interface Relocation {
  /** It was moved in Proxmox VE, and stays there: a sentence. */
  readonly strayed?: string | undefined;
  /** Why it is not moved: a sentence. */
  readonly blocked?: string | undefined;
  readonly move?: Move | undefined;
}
