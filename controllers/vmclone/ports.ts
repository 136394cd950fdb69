/** What the controller of VMClones is made from. */
import type { VirtualMachine, VirtualMachineSpecInput, VMClass, VMSnapshot } from '../../src/api/index.ts';
import type { ObjectReader, ObjectWriter, Readable } from '../../src/runtime/controller.ts';

/** `unread`: not known yet. `absent`: there is no such Namespace. `unavailable`: Namespaces may not be read. */
export type NamespaceAnnotations = Readonly<Record<string, string>> | 'unread' | 'absent' | 'unavailable';

export interface VMClonePorts {
  readonly vms: ObjectReader<VirtualMachine>;
  readonly snapshots: ObjectReader<VMSnapshot>;
  readonly classes: ObjectReader<VMClass>;
  /** The VirtualMachines with the uid of a VMClone in their label. */
  readonly copiesOf: (uid: string) => readonly Readable<VirtualMachine>[];
  readonly vmWriter: ObjectWriter<VirtualMachineSpecInput>;
  readonly annotationsOf: (namespace: string) => NamespaceAnnotations;
}
