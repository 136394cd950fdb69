/** The live connections to Proxmox VE, one a Provider: made by the Provider's controller, used by all others. */
import type { ClusterIdentity, Inventory, Pve } from '../../src/pve/index.ts';
import type { Millis } from '../../src/lib/units.ts';
import type { CloneTurns } from './clone-turns.ts';
import type { Ledger } from './ledger.ts';
import type { Marks } from './marks.ts';
import type { MoveTurns } from './move-turns.ts';
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
  /** The longest gap between two looks at a task. */
  readonly longestGap: Millis;
  /** From this age on a task is reported as overdue; it is waited for all the same. */
  readonly overdueAfter: Millis;
}

export interface Connection {
  /** Where people find the web interface: `https://pve.example.com:8006`, the endpoint in use. */
  readonly origin: string;
  readonly pve: Pve;
  readonly inventory: Inventory;
  /** The PVE cluster that this connection was made for. */
  readonly identity: ClusterIdentity;
  readonly vmids: VmidAllocator;
  readonly ledger: Ledger;
  readonly turns: CloneTurns;
  readonly moves: MoveTurns;
  readonly marks: Marks;
  readonly nodeSelector: readonly string[];
  readonly defaults: ProviderDefaults;
  /** Absent: the defaults. */
  readonly tasks?: TaskTiming | undefined;
}

export interface Connections {
  get(namespace: string, name: string): Connection | undefined;
}
