/** The nouns of a VM's CD-ROM drives and its boot order. Types only: nothing in this file runs. */
import type { VirtualMachineSpec, VirtualMachineStatus } from '../../../src/api/index.ts';

export interface DesiredCdrom {
  readonly name: string;
  /** Volume of the image. Absent: it is not known, so the drive is left as it is. */
  readonly volume?: string | undefined;
  /** It was downloaded for a VMImage, so that it is nobody else's. */
  readonly downloaded?: true;
}

/** As the spec has it. */
export type BootDevice = NonNullable<VirtualMachineSpec['boot']>[number];

/** A drive as status has it: its device was recorded before it was written. */
export type RecordedCdrom = NonNullable<VirtualMachineStatus['cdroms']>[number];

/** The CD-ROM drives of a guest; computed from spec, status and guest. */
export interface CdromWork {
  /** The drives for status, with the chosen devices. */
  readonly entries: readonly RecordedCdrom[];
  /** A device is chosen that status does not have yet. */
  readonly unrecorded: boolean;
  /** Names of drives whose image is not inserted now. */
  readonly waiting: readonly string[];
  /** Why: a sentence each. */
  readonly differences: readonly string[];
}
