/** The live connections to Proxmox VE, one a Provider: made by the Provider's controller, used by all others. */
import type { ClusterIdentity, Inventory, Pve } from '../../src/pve/index.ts';
import type { VmidAllocator, VmidRange } from './vmids.ts';

export interface ProviderDefaults {
  readonly storage?: string | undefined;
  readonly isoStorage?: string | undefined;
  readonly bridge?: string | undefined;
  readonly vmIdRange?: VmidRange | undefined;
}

export interface Connection {
  /** Where people find the web interface: `https://pve.example.com:8006`, the endpoint in use. */
  readonly origin: string;
  readonly pve: Pve;
  readonly inventory: Inventory;
  /** The PVE cluster that this connection was made for. */
  readonly identity: ClusterIdentity;
  readonly vmids: VmidAllocator;
  readonly nodeSelector: readonly string[];
  readonly defaults: ProviderDefaults;
}

export interface Connections {
  get(namespace: string, name: string): Connection | undefined;
}
