/** The live connections to Proxmox VE, one per Provider: opened by the Provider's controller, used by all others. */
import type { ClusterIdentity, Inventory, NodeVersions, Pve } from '../../../src/pve/index.ts';
import type { Millis } from '../../../src/lib/units.ts';
import type { CloneSlots } from '../limits/clones.ts';
import type { Ledger } from './ledger.ts';
import type { Marks } from '../guests/marks.ts';
import type { MoveSlots } from '../limits/moves.ts';
import type { VmidAllocator, VmidRange } from './vmids.ts';

export interface ProviderDefaults {
  readonly storage?: string | undefined;
  readonly isoStorage?: string | undefined;
  readonly bridge?: string | undefined;
  readonly pool?: string | undefined;
  readonly vmIdRange?: VmidRange | undefined;
}

/** How the operator waits for tasks of Proxmox VE. */
export interface TaskTiming {
  /** The longest gap between two reads of a task. */
  readonly maxGap: Millis;
  /** From this age on a task is reported as overdue; it is still awaited. */
  readonly overdueAfter: Millis;
}

export interface Connection {
  /** The endpoint in use, where the web interface is: `https://pve.example.com:8006`. */
  readonly origin: string;
  readonly pve: Pve;
  readonly inventory: Inventory;
  /** Absent: nothing is known of versions, and nothing is left out of requests. */
  readonly versions?: Pick<NodeVersions, 'releases'> | undefined;
  /** The PVE cluster that this connection was opened for. */
  readonly identity: ClusterIdentity;
  readonly vmids: VmidAllocator;
  readonly ledger: Ledger;
  readonly cloneSlots: CloneSlots;
  readonly moveSlots: MoveSlots;
  readonly marks: Marks;
  /** Of the Provider whose settings these are. Absent: nobody creates VMs with it. */
  readonly generation?: number | undefined;
  readonly nodeSelector: readonly string[];
  readonly defaults: ProviderDefaults;
  /** Absent: the defaults. */
  readonly tasks?: TaskTiming | undefined;
  /**
   * Resolves once a deletion can end although the Secret is deleted first: before a VMID is reserved. Absent where
   * nothing new is made.
   */
  readonly keepCredentials?: (() => Promise<void>) | undefined;
}

/** Whether two connections lead to one PVE cluster. Only those that were proven to do so share its state (`shared-state.ts`). */
export const isOneCluster = (a: Pick<Connection, 'ledger'>, b: Pick<Connection, 'ledger'>): boolean =>
  a.ledger === b.ledger;

/** The server answers nothing, or nothing that can be read or kept. */
export interface Silence {
  /** Epoch ms. */
  readonly since: number;
}

/** `undefined`: it answers. The list of guests is read every few seconds, so that nobody else has to try. */
export function silence({ inventory }: Pick<Connection, 'inventory'>): Silence | undefined {
  const since = inventory.view()?.staleSince ?? inventory.droppedAt;
  return since === undefined ? undefined : { since };
}

export interface Connections {
  get(namespace: string, name: string): Connection | undefined;
  /** This process has not learned yet whether the Provider can connect: its first attempt has not ended. */
  isPending(namespace: string, name: string): boolean;
}

/** Whether deletions can be finished although the Provider's credentials were withdrawn, or the Provider is gone. */
export type Finishing =
  | { readonly kind: 'open'; readonly connection: Connection }
  | { readonly kind: 'opening' }
  /** There is no copy of the credentials, or none is needed. */
  | { readonly kind: 'none' }
  | { readonly kind: 'failed'; readonly message: string };

export interface DeletionConnections {
  /** For an object that is being deleted, where the Provider has no connection. */
  forDeletion(namespace: string, name: string): Finishing;
}
