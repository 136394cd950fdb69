/** The nouns of a VM's disks. Types only: nothing in this file runs. */
import type { Bytes } from '../../../src/lib/units.ts';

/** How a disk behaves. What is absent stays as it is. */
export interface DiskOptions {
  readonly cache?: string | undefined;
  readonly discard?: boolean | undefined;
  readonly ssd?: boolean | undefined;
  readonly iothread?: boolean | undefined;
  readonly aio?: string | undefined;
  readonly backup?: boolean | undefined;
  readonly replicate?: boolean | undefined;
  readonly limits?:
    | {
        readonly readIOPS?: number | undefined;
        readonly writeIOPS?: number | undefined;
        readonly readMBps?: number | undefined;
        readonly writeMBps?: number | undefined;
      }
    | undefined;
}

export type Bus = 'scsi' | 'virtio' | 'sata';

export interface DesiredRootDisk {
  readonly options: DiskOptions;
  /** Chosen when a disk is made. Absent: scsi, or as it is. */
  readonly bus?: Bus | undefined;
  /** As the spec itself says: a disk that is elsewhere is moved there. */
  readonly storageClass?: string | undefined;
}

export interface DesiredDisk extends DesiredRootDisk {
  readonly name: string;
  /** Absent: as large as what it is imported from. */
  readonly size?: Bytes | undefined;
  readonly importFrom?: string | undefined;
  /** Where a new one is made. Absent: where the boot disk is. */
  readonly storage?: string | undefined;
  readonly reclaimPolicy: ReclaimPolicy;
}

export type ReclaimPolicy = 'Delete' | 'Detach';

/** A disk as status has it: its slot was written down before it was made. */
export interface RecordedDisk {
  readonly name: string;
  readonly device: string;
  readonly volume?: string | undefined;
  readonly storage?: string | undefined;
  readonly size?: string | undefined;
  /** Storages that the boot disk was moved from, and where something that belongs to it is left. */
  readonly movedFrom?: readonly string[] | undefined;
  readonly reclaimPolicy?: ReclaimPolicy | undefined;
  /** We began to destroy its volume. */
  readonly destroying?: boolean | undefined;
}

/** An unused volume that was a disk of the spec. */
export interface DetachedDisk {
  /** Name of the disk. */
  readonly disk: string;
  readonly volume: string;
  /** A quantity. */
  readonly size?: string | undefined;
}

export type DiskStep =
  | {
      readonly do: 'attachDisk';
      readonly name: string;
      readonly device: string;
      readonly text: string;
      readonly digest: string;
    }
  | { readonly do: 'growDisk'; readonly disk: string; readonly to: Bytes; readonly digest: string }
  | {
      readonly do: 'moveDisk';
      readonly name: string;
      readonly disk: string;
      readonly storage: string;
      readonly digest: string;
    }
  | { readonly do: 'detachDisk'; readonly name: string; readonly device: string; readonly digest: string }
  | {
      readonly do: 'destroyDisk';
      readonly name: string;
      readonly unused: string;
      readonly volume: string;
      readonly digest: string;
    };

/** The work left on the disks of a guest that is ours; computed from spec, status and guest. */
export interface DiskWork {
  /** The disks for status, with the chosen slots. */
  readonly entries: readonly RecordedDisk[];
  /** A slot is chosen that status does not have yet. */
  readonly unrecorded: boolean;
  readonly steps: readonly DiskStep[];
  /** Disks that cannot be made now: a sentence each. */
  readonly unmakeable: readonly string[];
  /** Names of the disks that something is left to be done for, now or once something else is out of the way. */
  readonly open: readonly string[];
  /** What differs from the spec, for now or for good: a sentence each. */
  readonly differences: readonly string[];
}
