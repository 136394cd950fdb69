/** The nouns of a VirtualMachine pass. Types only: nothing in this file runs. */
import type { DiskStep, DiskWish, DiskWork, RootWish } from './disks/model.ts';
import type { Restart } from './restart/model.ts';
import type { Bytes, NodeName, Upid, Vmid } from '../../src/lib/units.ts';
import type { TaskTiming } from '../shared/connections.ts';
import type { MaintenanceWindow } from './restart/maintenance-window.ts';
import type { OwnerMark } from '../shared/owner-mark.ts';

export type Power = 'On' | 'Off' | 'OffGraceful';

/** What becomes of the guest when its object goes. */
export type DeletionPolicy = 'Delete' | 'Retain' | 'Stop';

/** The wish: that the guest be gone, or that it be like this. Going needs no class, no image, no placement. */
export type Desired =
  | {
      readonly exists: false;
      readonly owner: OwnerMark;
      readonly graceSeconds: number;
      readonly deletionPolicy: DeletionPolicy;
      readonly hooks?: Hooks | undefined;
      /** What the spec says of it; false: a protection in PVE is lifted. */
      readonly protection?: boolean | undefined;
    }
  | ({ readonly exists: true; readonly graceSeconds: number } & Shape);

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
  /** Set at creation only: a guest does not survive a change of firmware. Absent: as the template has it. */
  readonly machine?: string;
  readonly bios?: 'ovmf' | 'seabios';
  /** Absent: any number that is free. */
  readonly vmid?: Vmid;
  /** A guest that exists, to be taken over instead of making one. */
  readonly adopt?: Vmid;
  /** A TPM of this version; like the firmware, set at creation only. */
  readonly tpm?: string;
  /** Absent: as large as the template's. */
  readonly rootDisk?: Bytes | undefined;
  /** What the spec says of the boot disk beside its size. */
  readonly root?: RootWish;
  /** Disks beside the boot disk. Absent: none. */
  readonly disks?: readonly DiskWish[];
  /** How the class wants space to be taken, where the storage leaves a choice. */
  readonly provisioning?: 'thin' | 'thick';
  /** Absent: the template's NICs stay as they are. */
  readonly nics?: readonly NicWish[] | undefined;
  /** Absent where a guest that exists refers to a Secret that is gone: it needs it no more. */
  readonly cloudInit: CloudInitWish | undefined;
  /** Absent: the template's. */
  readonly cpuType?: string;
  /** Absent: none is wished. */
  readonly options?: Options | undefined;
  readonly hooks?: Hooks | undefined;
  readonly power: Power;
  readonly restart?: RestartWish;
  /** Absent: Report. */
  readonly driftPolicy?: 'Report' | 'Revert';
  /** The node that the spec names. */
  readonly host?: NodeName | undefined;
  readonly restraint?: Restraint | undefined;
  readonly creation: Creation;
}

/** Why the guest may be restarted, and when. */
export interface RestartWish {
  /** Absent: never without being asked. */
  readonly policy?: 'IfRequired' | 'MaintenanceWindow';
  readonly window?: MaintenanceWindow;
  /** What the annotation says; each value is carried out once. */
  readonly requestedAt?: string;
}

/** Each that is absent stays as it is in PVE. */
export interface Options {
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

/** The hook that status speaks of, as it is now. */
export interface Hook {
  readonly name: HookName;
  readonly state: 'Due' | 'Running' | 'Succeeded' | 'Failed';
  /** Epoch ms: since when it is due, or runs. */
  readonly since: number;
  readonly pid?: number;
  readonly exitCode?: number;
  readonly generation: number;
  /** It ended since the last pass. */
  readonly ended?: true;
}

/** An option that is written alone, because PVE may refuse it although it allows all others. */
export interface Aside {
  readonly key: 'tags' | 'startup';
  /** `undefined`: the option goes. */
  readonly value: string | undefined;
  /** Tags that are ours then. */
  readonly note?: readonly string[];
}

export interface NicWish {
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

export type NicSetting = 'mtu' | 'firewall' | 'rate' | 'trunks' | 'link_down';
export type NicSettings = Readonly<Partial<Record<NicSetting, string>>>;
export interface CloudInitWish {
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
  readonly sshKeys: readonly string[];
}

/** Why a wish cannot be known: something it refers to is missing. */
export interface Unresolved {
  readonly ok: false;
  readonly reason: string;
  readonly message: string;
  /** Only an edit of this object mends it. */
  readonly final?: boolean;
  /** This process merely has not come to it yet; an earlier one had. */
  readonly early?: boolean;
}

/** How a guest that is not there yet would be made, or why that cannot be. */
export type Creation =
  | {
      readonly ok: true;
      readonly template: Vmid;
      /** The clone request goes to the node where the template is. */
      readonly templateNode: NodeName;
      readonly node: NodeName;
      readonly full: boolean;
      /** The storage to name in the request: only with a full clone. */
      readonly storage?: string;
      /** Where the root disk is in the end. */
      readonly rootStorage?: string;
      /** It is made on the template's node, and moved before its first start. */
      readonly moves?: true;
      /** Why it is a full clone, as half a sentence. */
      readonly whyFull?: string;
    }
  | { readonly ok: false; readonly reason: string; readonly message: string };

/** What was chosen for a guest that is being made; written down before the clone is requested. */
export interface Placement {
  readonly template: Vmid;
  readonly node: NodeName;
  readonly storage?: string | undefined;
  readonly whyFull?: string | undefined;
}

/** Where a guest that exists shall be instead. */
export interface Move {
  readonly to: NodeName;
  /** By spec.placement.host, and not as a part of making it: whatever else is due does not wait for it. */
  readonly asked?: true;
  /** It runs, and goes on running. */
  readonly online?: true;
  /** Disks on local storage are copied while it runs. */
  readonly withLocalDisks?: true;
  /** The storage for its disks, where those on local storage cannot keep theirs. */
  readonly targetStorage?: string;
}

/** How spec.placement.host stands, where the guest is elsewhere. */
export interface Relocation {
  /** Somebody moved it, and it is left there: a sentence. */
  readonly strayed?: string | undefined;
  /** Why it is not moved: a sentence. */
  readonly blocked?: string | undefined;
  readonly move?: Move | undefined;
}

/** PVE's keys and values, as text. */
export type GuestConfig = Readonly<Record<string, string>>;

/** One NIC of a guest: `net0` … as PVE has it, keys that are not ours included. */
export interface Nic {
  readonly device: string;
  readonly model: string;
  readonly mac: string | undefined;
  readonly bridge: string | undefined;
  readonly vlan: number | undefined;
}

/** The guest as PVE reports it in this pass; never as we remember it. */
export interface Guest {
  readonly vmid: Vmid;
  readonly node: NodeName;
  readonly mark: OwnerMark | undefined;
  /** PVE's own lock: clone, backup, snapshot, migrate … */
  readonly lock: string | undefined;
  readonly template: boolean;
  /** It is a container, of which nothing else is known. */
  readonly container?: true;
  /** Its process exists; whether it does anything is told by `state`. */
  readonly running: boolean;
  /** QEMU's run state: running, paused, io-error, prelaunch …; `stopped` without a process. */
  readonly state: string;
  readonly ha: HaState;
  /** For how long it has run, counted from its start in PVE: a reboot within the guest does not show. */
  readonly uptimeMs?: number;
  /** The guest's configuration with pending changes merged in, as PVE's keys and values. */
  readonly config: GuestConfig;
  /** Checksum of the configuration; PVE refuses a write that carries a stale one. */
  readonly digest: string;
  /** Changes that PVE holds until the guest is stopped and started. */
  readonly pending: readonly PendingChange[];
}

export interface HaState {
  /** HA of PVE starts, stops and moves the guest. */
  readonly managed: boolean;
  /** What HA is doing with it: started, request_stop, error …; absent until HA took notice of it. */
  readonly state: string | undefined;
}

export interface PendingChange {
  readonly key: string;
  readonly current?: string;
  readonly pending?: string;
}

export type Task =
  | {
      readonly upid: Upid;
      readonly type: string;
      readonly state: 'running';
      readonly ageMs: number;
      /** Its end starts a pass by itself. */
      readonly followed?: boolean;
      readonly timing?: TaskTiming | undefined;
      /** How far a copy has come, for people. */
      readonly progress?: string | undefined;
    }
  | { readonly upid: Upid; readonly type: string; readonly state: 'failed'; readonly exit: string }
  | { readonly upid: Upid; readonly type: string; readonly state: 'ok' | 'lost' }
  /** Its node is offline: how it ended, or whether, is not known. */
  | { readonly upid: Upid; readonly type: string; readonly state: 'unreachable'; readonly node: NodeName };

/** Where the guest with our number is. */
export type Presence =
  | { readonly kind: 'seen'; readonly guest: Guest }
  /** Absent from the whole quorate cluster, seen with the right to see it. */
  | { readonly kind: 'absent' }
  /** Nothing was asked: our own reservation, for which no clone was requested yet. */
  | { readonly kind: 'notMade' }
  | { readonly kind: 'unknown'; readonly reason?: string; readonly message: string };

/** The number an earlier pass reserved. */
export interface Claim {
  readonly vmid: Vmid;
  readonly ageMs: number;
  /** The guest was seen with our mark at least once. */
  readonly made: boolean;
  /** No clone request of ours can still be under way: none was sent, or its task has ended. */
  readonly certain: boolean;
  /** What was chosen with the number. */
  readonly placement?: Placement;
}

/** A guest that carries the mark of an object with our namespace and name. */
export interface Namesake {
  readonly vmid: Vmid;
  readonly mark: OwnerMark;
}

/** The image that carries user-data, meta-data and network-config to the guest. */
export interface SeedImage {
  readonly volume: string;
  readonly storage: string;
  readonly filename: string;
  /** The volume is on its storage. */
  readonly uploaded: boolean;
  /** Its name is in our status, so that it cannot be forgotten. */
  readonly noted: boolean;
}

export interface Failure {
  readonly step: string;
  readonly message: string;
  readonly attempts: number;
  /** Epoch ms. */
  readonly at: number;
}

export interface Observed {
  /** Epoch ms; time is an input, so that a plan can be replayed. */
  readonly now: number;
  readonly claim: Claim | undefined;
  readonly presence: Presence;
  /** The guest that the spec asks to adopt, while the object has no number yet. */
  readonly candidate?: Presence | undefined;
  readonly task: Task | undefined;
  readonly failure: Failure | undefined;
  /** UPIDs of running tasks that name our number, whoever started them. */
  readonly activeTasks: readonly string[];
  /** For how long PVE has held a lock that no task accounts for. */
  readonly lockedMs: number;
  readonly namesake: Namesake | undefined;
  /** The volume named in our status, to be deleted with the guest. */
  readonly seedVolume: string | undefined;
  readonly hook: Hook | undefined;
  /** Of the object. */
  readonly generation: number;
  /** Tags that we set, as status has them. */
  readonly ownTags: readonly string[];
  /** What is left to be written alone. */
  readonly asides: readonly Aside[];
  /** What of it PVE refused, or others changed: a sentence each. */
  readonly asidesLeft: readonly string[];
  /** What the guest's configuration should become; computed from wish and guest. */
  readonly change: ConfigChange | undefined;
  /** Who has the number that the spec asks for, as a sentence. Absent: nobody, or it was not asked. */
  readonly vmidTaken?: string | undefined;
  /** Absent: the guest is on the node where it shall be, or cannot be moved there. */
  readonly move?: Move | undefined;
  /** Absent: it was not looked into. */
  readonly relocation?: Relocation | undefined;
  /** What somebody else changed in the guest's configuration. */
  readonly drift?: Drift | undefined;
  /** Absent: it was not judged. */
  readonly restart?: Restart | undefined;
  /** Digest of the wish for this guest, and of the one that was last brought about. Absent: the guest was not looked at. */
  readonly wish?: { readonly digest: string; readonly applied: string | undefined } | undefined;
  /** The guest runs and has been up for so long that it has read its cloud-init image. */
  readonly hasBooted?: boolean;
  readonly disks: DiskWork | undefined;
}

export interface Drift {
  /** For people, from what is wished to what is: `vcpus 2 → 3`. */
  readonly told: string;
  readonly keys: readonly string[];
  /** It is undone; otherwise it is only told. */
  readonly reverted: boolean;
}

/** One write of a guest's configuration: only keys that differ. */
export interface ConfigChange {
  readonly set: Readonly<Record<string, string | number>>;
  readonly delete: readonly string[];
  /** The image that must be on its storage before this is written. */
  readonly seed?: SeedImage;
  readonly seedProblem?: { readonly reason: string; readonly message: string };
  /** It only empties drives whose images have served: the guest is as it shall be before and after. */
  readonly ejects?: true;
}

export type Step =
  /** `vmid`: of a guest that is there, and ours or to be adopted. `fixed`: the number that the spec asks for. */
  | { readonly do: 'reserve'; readonly vmid?: Vmid; readonly fixed?: Vmid; readonly adopts?: true }
  /** Makes a guest ours. */
  | { readonly do: 'adopt'; readonly description: string; readonly digest: string }
  | { readonly do: 'releaseClaim'; readonly vmid: Vmid }
  | { readonly do: 'choose'; readonly creation: Extract<Creation, { ok: true }> }
  | {
      readonly do: 'clone';
      readonly vmid: Vmid;
      readonly creation: Extract<Creation, { ok: true }>;
      readonly name: string;
      readonly owner: OwnerMark;
    }
  | { readonly do: 'migrate'; readonly move: Move }
  | { readonly do: 'noteSeed'; readonly volume: string }
  /** Forgets what wish was brought about last, since another is to be. */
  | { readonly do: 'noteWish' }
  /** Writes down that a restart is about to be made, or was. */
  | { readonly do: 'noteRestart' }
  | { readonly do: 'uploadSeed'; readonly seed: SeedImage }
  | {
      readonly do: 'configure';
      readonly change: ConfigChange;
      readonly digest: string;
      /** The one option that is written; its refusal is told and holds nothing back. */
      readonly aside?: Aside;
    }
  | { readonly do: 'noteTags'; readonly tags: readonly string[] }
  /** Status is written with the slots that are chosen; nothing is asked of PVE. */
  | { readonly do: 'noteDisks' }
  | DiskStep
  | { readonly do: 'noteHook'; readonly hook: HookName }
  | {
      readonly do: 'runHook';
      readonly hook: HookName;
      readonly command: readonly string[];
      /** Epoch ms: since when it is due. */
      readonly since: number;
    }
  | { readonly do: 'start' }
  | { readonly do: 'stop' }
  | { readonly do: 'shutdown'; readonly graceSeconds: number }
  | { readonly do: 'destroy' }
  | { readonly do: 'deleteSeed'; readonly volume: string };

export type Plan =
  | { readonly kind: 'steady' }
  | { readonly kind: 'act'; readonly step: Step }
  /** These steps would be due, one after the other, but a person asked for none. */
  | { readonly kind: 'withheld'; readonly by: Restraint; readonly steps: readonly Step[] }
  | ({ readonly kind: 'wait'; readonly againMs: number } & Held)
  /** Only a person can mend it; `againMs` where the cure lies outside Kubernetes. */
  | ({ readonly kind: 'refuse'; readonly againMs?: number } & Held)
  /** `left`: what stays behind in Proxmox VE, to be named when the object goes. */
  | { readonly kind: 'gone'; readonly left?: LeftBehind };

interface Held {
  readonly reason: string;
  readonly message: string;
  /** One part of the wish is held up, and all else is as it shall be. */
  readonly restIsDone?: true;
}

export interface LeftBehind {
  /** Why it stays: by the policy of its object, or because Proxmox VE was not asked. */
  readonly by: 'policy' | 'force';
  readonly vmid?: Vmid | undefined;
  readonly node?: NodeName | undefined;
  /** The cloud-init image. */
  readonly volume?: string | undefined;
  /** The task that was under way. */
  readonly task?: Upid | undefined;
}
