/** What of the cluster decisions about a guest use. Types only: nothing in this file runs. */
import type { GuestView, StorageView, View } from '../../../src/pve/index.ts';
import type { Bytes, NodeName } from '../../../src/lib/units.ts';
import type { ProviderDefaults, TaskTiming } from '../../shared/cluster/connections.ts';
import type { Promised } from '../../shared/cluster/ledger.ts';
import type { PolicyLimits } from '../../shared/placement/limits.ts';

/** The cluster at one moment, as plain data. */
export interface ClusterFacts {
  /** `undefined`: it was not read yet. */
  readonly view: View | undefined;
  /** What other VMs were promised. */
  readonly promised: Promised;
  readonly nodeSelector: readonly string[];
  readonly defaults: ProviderDefaults;
  readonly timing: TaskTiming | undefined;
  /** What placement policies say of a VM that is to be made. Absent: nothing. */
  readonly policy?: PolicyLimits | undefined;
  /** Version of PVE by node, as far as it is known. */
  readonly releases?: ReadonlyMap<NodeName, string> | undefined;
}

/** A row of the list of guests without its figures. */
export type GuestRow = Omit<GuestView, 'uptime' | 'maxdisk'>;

/** A storage without its figures. */
export type StorageFacts = Omit<StorageView, 'total' | 'used'>;

/** How many CPUs, and how much memory, a guest may get. */
export interface CpuRoom {
  /** Ceiling of a new guest, or of one that must be stopped to grow anyway. */
  readonly maxCpus: number;
  /** What the guest's node has: PVE starts no guest with more. */
  readonly nodeCpus: number;
  /** The memory of the guest's node. Absent: the node does not report it. */
  readonly nodeMemory?: Bytes;
}

/**
 * Everything around a guest that is there which decisions about it may use. It is also what a settled guest rests on,
 * so figures that fluctuate are not in it, only what follows from them.
 */
export interface Surroundings {
  readonly row: GuestRow | undefined;
  readonly cpus: CpuRoom;
  /** On the guest's node, and on the node of spec.placement.host. */
  readonly storages: readonly StorageFacts[];
  readonly isoStorage: string | undefined;
  /** Version of PVE on the guest's node, for example `8.4`; absent: not known. */
  readonly release?: string | undefined;
  /** Of a guest that is on another node than the spec says. */
  readonly host?: HostProspect | undefined;
}

/** Whether the node of spec.placement.host could take the guest, as far as the list of nodes says. */
export interface HostProspect {
  readonly name: NodeName;
  readonly exists: boolean;
  readonly online: boolean;
  /** HA keeps guests off it: a clause. */
  readonly ha: string | undefined;
  /** Among the nodes of the Provider. */
  readonly selected: boolean;
  /** It has the memory that the guest takes while it runs. */
  readonly takes: boolean;
}
