/** A spec whose references are followed. Types only: nothing in this file runs. */
import type { VirtualMachineInternal } from '../../../src/api/index.ts';
import type { NodeName } from '../../../src/lib/units.ts';
import type { Connection } from '../../shared/cluster/connections.ts';
import type { Grant } from '../../shared/grants/grants.ts';
import type { WantedTemplates } from '../../shared/images/wanted.ts';
import type { OwnerMark } from '../../shared/guests/owner-mark.ts';
import type { CloneFrom } from './clone-source.ts';
import type { DeletionPolicy, HeldDeletion, Hooks, Shape, Unresolved } from './desired.ts';
import type { ReadinessProbe } from './probe.ts';
import type { SnapshotFacts } from './revert.ts';

/** The desired guest as plain data, except where a new one would be made: that is decided only when it has to be. */
export interface PlainSpec {
  readonly shape: Omit<Shape, 'creation'> | undefined;
  readonly graceSeconds: number;
  readonly owner: OwnerMark;
  readonly deletionPolicy: DeletionPolicy;
  /** The deletion waits. */
  readonly heldDeletion?: HeldDeletion | undefined;
  /** The Provider does not grant the deletion of the guest. */
  readonly preserved?: boolean;
  /** The Provider that a VMID belongs to, for status. */
  readonly origin?: VirtualMachineInternal['provider'];
  /** Absent where the guest exists already and its image is gone. */
  readonly image: WantedTemplates | undefined;
  /** Where it waits for a template of its image, as status has it. */
  readonly templateNode?: NodeName | undefined;
  /** What the VM is a copy of. Absent: it is made from its image, or exists already. */
  readonly cloneFrom?: CloneFrom;
  readonly storage: string | undefined;
  readonly host: NodeName | undefined;
  readonly pool: string | undefined;
  /** Guests of other Kubernetes clusters with our namespace and name do not hold us back. */
  readonly besideOthers: boolean;
  /** Nothing is to be changed in PVE. */
  readonly dryRun?: true;
  /** As the spec has it; it matters when the object is deleted. */
  readonly protection: boolean | undefined;
  readonly hooks: Hooks | undefined;
  readonly probe?: ReadinessProbe | undefined;
  /** Absent: no VMSnapshot has anything to do with the guest. */
  readonly snapshots?: readonly SnapshotFacts[];
  /** uids of the VMSnapshots that exist of this VM. Absent: none. */
  readonly vmSnapshots?: readonly string[];
  /** The annotation with which a restored state is left: the time of its revert. */
  readonly applyAfterRevert?: string;
  /** Another VM that was first to have an address of this one. */
  readonly conflict: AddressConflict | undefined;
  /** What the namespace may use of the Provider. */
  readonly grant: Grant;
  /** Why no guest is made. One that the VM had before its status was lost is found again all the same. */
  readonly refused?: Unresolved;
  /** What the grant does not cover, a sentence each: what the guest has, and what the spec asks for and it does not get. */
  readonly notGranted: readonly string[];
  /** Fields that have no effect: a sentence each. */
  readonly ignored: readonly string[];
}

/** With the way to its PVE cluster. */
export interface ResolvedSpec extends PlainSpec {
  readonly connection: Connection;
}

/** Another VM that was first to have an address that this one asks for. */
export interface AddressConflict {
  /** `address 192.168.1.5`, `MAC address 02:…` */
  readonly what: string;
  /** `VirtualMachine default/web`, or without its name if it is in another namespace. */
  readonly holder: string;
}
