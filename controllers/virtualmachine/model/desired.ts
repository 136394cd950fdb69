/** The desired guest: every reference resolved, every default applied. Types only: nothing in this file runs. */
import type { Documents, Resolver } from '../../../src/cloudinit/index.ts';
import type { DeletionPolicy } from '../../shared/objects/deletion-policy.ts';
import type { OwnerMark } from '../../shared/guests/owner-mark.ts';
import type { BootDevice, DesiredCdrom } from './cdroms.ts';
import type { DesiredDisk, DesiredRootDisk } from './disks.ts';
import type { Creation } from '../../shared/placement/model.ts';
import type { MaintenanceWindow } from './restart.ts';
import type { Bytes, NodeName, Vmid } from '../../../src/lib/units.ts';

export type { Unresolved } from '../../shared/objects/unresolved.ts';

export type Power = 'On' | 'Off' | 'OffGraceful';

export type { DeletionPolicy } from '../../shared/objects/deletion-policy.ts';

/** The desired guest, or that it should not exist. Deletion needs no class, no image, no placement. */
export type Desired =
  | {
      readonly exists: false;
      readonly owner: OwnerMark;
      readonly graceSeconds: number;
      readonly deletionPolicy: DeletionPolicy;
      readonly hooks?: Hooks | undefined;
      /** Nothing is done to the guest yet. */
      readonly heldDeletion?: HeldDeletion | undefined;
      /** What the spec says of it; false: a protection in PVE is lifted. */
      readonly protection?: boolean | undefined;
    }
  | ({ readonly exists: true; readonly graceSeconds: number } & Shape);

/** Why a deletion waits, as `spec.deletionProtection` of the Provider has it. */
export interface HeldDeletion {
  readonly reason: 'Deleting' | 'DeletionsHeld';
  /** A sentence. */
  readonly message: string;
  /** Until it is looked at again. */
  readonly forMs: number;
}

/** Why nothing in Proxmox VE is changed and everything only reported: the word in `spec.managementPolicy`. */
export type Restraint = 'ObserveOnly' | 'CreateOnly';

/** Every reference followed, every default applied, every quantity in bytes. */
export interface Shape {
  readonly owner: OwnerMark;
  readonly name: string;
  readonly cpus: number;
  readonly memory: Bytes;
  /** Room to grow without a restart, for guests made from now on. */
  readonly maxCpus?: number;
  readonly maxMemory?: Bytes;
  /** What a balloon leaves at least. */
  readonly minMemory?: Bytes;
  /** It is made of another VM, whose firmware, machine type, OS type and SCSI controller it keeps. */
  readonly isCopy?: true;
  /** Set at creation only: a guest does not survive a change of firmware. Absent: as the template has it. */
  readonly machine?: string;
  readonly bios?: 'ovmf' | 'seabios';
  /** Absent: any number that is free. */
  readonly vmid?: Vmid;
  /** A guest that exists, to be taken over instead of making one. */
  readonly adopt?: Vmid;
  /** The grant of the Provider does not include the guest to be taken over. */
  readonly adoptDenied?: true;
  /** The mark of another installation that the spec gives up. */
  readonly confirmMark?: string;
  /** A TPM of this version; like the firmware, set at creation only. */
  readonly tpm?: string;
  /** Set at creation only, as well. */
  readonly osType?: string;
  readonly scsiController?: string;
  readonly efi?: EfiDisk;
  /** What is absent stays as it is. */
  readonly hardware?: Hardware;
  /** Absent: the template's. */
  readonly devices?: readonly DesiredDevice[];
  readonly guestAgent?: { readonly fstrimClonedDisks?: boolean | undefined };
  /** Absent: as large as the template's. */
  readonly rootDisk?: Bytes | undefined;
  /** What the spec says of the boot disk besides its size. */
  readonly root?: DesiredRootDisk;
  /** Disks besides the boot disk. Absent: none. */
  readonly disks?: readonly DesiredDisk[];
  /** It is made, or was, without a template. */
  readonly withoutTemplate?: true;
  /** Absent: those of the template stay as they are. */
  readonly cdroms?: readonly DesiredCdrom[];
  /** Absent: the boot order stays as it is. */
  readonly boot?: readonly BootDevice[];
  /** How the class wants space to be taken, where the storage leaves a choice. */
  readonly provisioning?: 'thin' | 'thick';
  /** Absent: the template's NICs stay as they are. */
  readonly nics?: readonly DesiredNic[] | undefined;
  /** Absent where a guest that exists refers to a Secret that is gone: it needs it no more. */
  readonly cloudInit: DesiredCloudInit | undefined;
  /** Absent: the template's. */
  readonly cpuType?: string;
  /** Absent: none. */
  readonly options?: Options | undefined;
  /** What is left as it is, because the Provider does not grant what the spec asks for. */
  readonly held?: Held;
  readonly hooks?: Hooks | undefined;
  readonly power: Power;
  readonly restart?: RestartSettings;
  /** Absent: Report. */
  readonly driftPolicy?: 'Report' | 'Revert';
  /** The node that the spec names. */
  readonly host?: NodeName | undefined;
  readonly restraint?: Restraint | undefined;
  readonly creation: Creation;
}

/** A device of the node, by its resource mapping. */
export interface DesiredDevice {
  readonly kind: 'pci' | 'usb';
  readonly mapping: string;
  /** By their names in PVE. */
  readonly flags: Properties;
}

export interface EfiDisk {
  readonly preEnrolledKeys?: boolean | undefined;
  readonly type?: '2m' | '4m' | undefined;
}

export interface Hardware {
  readonly numa?: boolean | undefined;
  readonly sockets?: number | undefined;
  readonly hugepages?: 'any' | '2Mi' | '1Gi' | undefined;
  /** Number of serial ports. */
  readonly serial?: number | undefined;
  readonly tablet?: boolean | undefined;
  /** Properties as PVE names them. */
  readonly vga?: Properties | undefined;
  readonly audio?: Properties | undefined;
  readonly rng?: Properties | undefined;
}

type Properties = Readonly<Record<string, string | undefined>>;

export interface Held {
  /** Names of disks and networks. */
  readonly disks: readonly string[];
  readonly nics: readonly string[];
  /** Names of CD-ROM drives. Absent: none. */
  readonly cdroms?: readonly string[];
  readonly devices?: boolean;
  /** The data that the guest was given. */
  readonly cloudInit: boolean;
}

/** Why the guest may be restarted, and when. */
export interface RestartSettings {
  /** Absent: never without being asked. */
  readonly policy?: 'IfRequired' | 'MaintenanceWindow';
  readonly window?: MaintenanceWindow;
  /** What the annotation says; each value is carried out once. */
  readonly requestedAt?: string;
}

/** Each that is absent stays as it is in PVE. */
export interface Options {
  /** Where the spec says another name than that of the object. */
  readonly guestName?: string;
  /** In lower case, each once, in order. */
  readonly tags?: readonly string[];
  readonly description?: string;
  readonly onBoot?: boolean;
  readonly protection?: boolean;
  /** Delays in seconds. */
  readonly startup?: {
    readonly order: number | undefined;
    readonly up: number | undefined;
    readonly down: number | undefined;
  };
}

export type HookName = 'postStart' | 'preStop';

/** Program and arguments. */
export type Hooks = Readonly<Partial<Record<HookName, readonly string[]>>>;

export interface DesiredNic {
  readonly name: string;
  readonly bridge: string;
  readonly model?: string;
  readonly vlan?: number;
  /** As the user wrote it. Absent: the NIC keeps the MAC it has. */
  readonly mac?: string;
  readonly staticIP?: {
    readonly address: string;
    readonly gateway?: string;
    readonly dns: readonly string[];
  };
  readonly ipv6?: { readonly address: string; readonly gateway?: string };
  /** Optional settings by their key in PVE. Absent ones stay as they are, unless the spec once gave them. */
  readonly settings?: NicSettings;
}

export type NicSetting = 'mtu' | 'firewall' | 'rate' | 'trunks' | 'link_down' | 'queues';

export type NicSettings = Readonly<Partial<Record<NicSetting, string>>>;

export interface DesiredCloudInit {
  /** Absent: Report. */
  readonly onChange?: 'Report' | 'Ignore' | 'NextBoot';
  /** Ignition's configuration, instead of user-data for cloud-init. */
  readonly ignition?: string;
  /** A volume of PVE that holds the user-data. */
  readonly snippet?: string;
  readonly metaData?: string;
  /** Instead of what follows from the networks. */
  readonly networkData?: string;
  readonly userData: string | undefined;
  /** Servers and domains of the whole guest. */
  readonly resolver?: Resolver;
  /** Absent: it follows from the text. Binary: Base64 of a Secret's bytes that are no text. */
  readonly userDataFormat?: 'Raw' | 'Base64' | 'Binary';
  readonly sshKeys: readonly string[];
  /** What the long texts in YAML say. */
  readonly documents?: Documents;
}
