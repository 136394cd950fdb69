/** What the registry holds for each kind: how its controller is made, and which other objects concern it. */
import type {
  Provider,
  VirtualMachine,
  VMClass,
  VMClone,
  VMImage,
  VMPlacementPolicy,
  VMSnapshot,
  VMSnapshotSchedule,
} from '../../../src/api/index.ts';
import type { Controller, Readable, Resource } from '../../../src/runtime/controller.ts';
import type { UsersOf } from './in-use.ts';
import type { Reference } from './references.ts';

/** The objects of every kind, by the kind's name. */
export interface Objects {
  readonly Provider: Provider;
  readonly VirtualMachine: VirtualMachine;
  readonly VMClass: VMClass;
  readonly VMImage: VMImage;
  readonly VMSnapshot: VMSnapshot;
  readonly VMSnapshotSchedule: VMSnapshotSchedule;
  readonly VMClone: VMClone;
  readonly VMPlacementPolicy: VMPlacementPolicy;
}
export type KindName = keyof Objects;

export interface KindModule<O extends Resource, Ports> {
  readonly controller: (ports: Ports) => Controller<O, object>;
  /** How many passes may run at the same time; absent: a few. One group of objects never gets all of them. */
  readonly workers?: number;
  /** The groups that share the workers, from the outermost inwards; absent: the namespaces of the objects. */
  readonly groups?: (object: O) => readonly string[];
  /** Present where VirtualMachines refer to objects of this kind. A VM follows what it refers to. */
  readonly usage?: Usage;
  /** Further objects whose changes ask for passes over objects of this kind. */
  readonly follows?: { readonly [K in KindName]?: Dependants<K> };
}

export interface Usage {
  readonly reference: (vm: Readable<VirtualMachine>) => Reference | undefined;
  /** Further ones, if a VM may refer to several. */
  readonly others?: (vm: Readable<VirtualMachine>) => readonly Reference[];
  /** Every VM refers to one: if its reference cannot be read, it may be to any. */
  readonly required?: boolean;
  /** When an object that is referred to needs a pass: at each change of its users, or only when one is gone. */
  readonly passWhen: 'usersChange' | 'userIsGone';
}

export interface Changed<K extends KindName> {
  /** `namespace/name` */
  readonly key: string;
  /** As far as it can be read. */
  readonly object: Readable<Objects[K]>;
}

/** The keys of the objects that a change concerns. */
export type Dependants<K extends KindName> = (change: Changed<K>, lookup: Lookup) => readonly string[];

/** What is known of all objects. */
export interface Lookup {
  /** Keys of all objects of a kind. */
  readonly keys: (kind: KindName) => readonly string[];
  /** Keys of the VMs whose spec gives them this address or MAC. */
  readonly addressed: (value: string) => readonly string[];
  /** Keys of the VMs that wait to be cloned of an object. @param source `VirtualMachine namespace/name` */
  readonly clonesOf: (source: string) => readonly string[];
  /** Keys of the VMSnapshots of a VM. @param vm `namespace/name` */
  readonly snapshotsOf: (vm: string) => readonly string[];
  /** Keys of the VMClones that wait for an object or report on it. @param object `VirtualMachine namespace/name` */
  readonly vmClonesOf: (object: string) => readonly string[];
}

export interface UsagePorts {
  /** The VirtualMachines that refer to an object of this kind, or may do so, being deleted or not. */
  readonly usersOfKind: (kind: KindName) => UsersOf;
}
