/** What the decisions about a VMClone rest on. Types only: nothing in this file runs. */
import type { Reason, VirtualMachine, VirtualMachineSpecInput, VMCloneTarget } from '../../src/api/index.ts';

/** Of an object. */
export interface Place {
  readonly namespace: string;
  readonly name: string;
}

/** What the copy is made of. */
export interface Source {
  /** Its spec is copied. Of a snapshot: the VM as it is now. */
  readonly vm: VirtualMachine;
  readonly cloneFrom: NonNullable<VirtualMachineSpecInput['cloneFrom']>;
}

/** Why no copy can be made now. */
export interface Refusal {
  readonly ok: false;
  readonly reason: Reason;
  readonly message: string;
  /** Only a person can change it. */
  readonly final?: boolean;
  /** This process has not found out yet; what an earlier one reported stays. */
  readonly early?: boolean;
}

/** Everything that the spec of the copy is derived from. */
export interface Derivation {
  readonly source: Source;
  readonly target: VMCloneTarget;
  /** Of the VMClone: what a reference in its target means without a namespace. */
  readonly from: string;
  /** Of the copy. */
  readonly namespace: string;
}
