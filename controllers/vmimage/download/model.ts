/** What is known of one download on one Provider, and what may be done about it. Types only: nothing in this file runs. */
import type { VMImageStatus } from '../../../src/api/index.ts';
import type { NodeName, Upid, Vmid } from '../../../src/lib/units.ts';
import type { LinkedClone } from '../../shared/guests/linked-clones.ts';
import type { Place, Problem } from '../../shared/placement/image-places.ts';

export type DownloadEntry = NonNullable<VMImageStatus['downloads']>[number];
export type TemplateEntry = NonNullable<VMImageStatus['templates']>[number];
export type Failure = NonNullable<DownloadEntry['failure']>;

/** Of all Providers, as status has them. */
export interface Entries {
  readonly downloads: readonly DownloadEntry[];
  readonly templates: readonly TemplateEntry[];
}

/** A task that status names. `none`: it names none, or Proxmox VE no longer knows its result. */
export type TaskSeen =
  { readonly state: 'none' | 'running' } | { readonly state: 'failed'; readonly message: string };

export interface FileSeen {
  readonly task: TaskSeen;
  /** Its storage lists it: Proxmox VE gives a file its name once it is complete and verified. */
  readonly isThere: boolean;
  /** In bytes. */
  readonly size?: number | undefined;
  /** A task works on it, whoever began it. Of an upload: a task works on some file that was uploaded. */
  readonly isBusy: boolean;
  /** How much of it is downloaded. */
  readonly percent?: number | undefined;
}

export type Progress = NonNullable<DownloadEntry['progress']>;

/** What this process does with a file that goes through it. */
export type TransferSeen =
  | { readonly state: 'queued'; readonly ahead: number }
  | { readonly state: 'running'; readonly progress: Progress }
  | { readonly state: 'measured'; readonly size: number; readonly sha256: string }
  /** `at`: epoch ms. */
  | { readonly state: 'uploaded'; readonly task: Upid; readonly at: number }
  /** It was sent completely, and the answer was lost. */
  | { readonly state: 'unknown' }
  | {
      readonly state: 'failed';
      readonly reason: string;
      readonly message: string;
      /** Epoch ms. */
      readonly at: number;
      /** The file at the URL is to blame, so that what was measured before says nothing. */
      readonly isOfSource: boolean;
    };

export interface GuestSeen {
  readonly task: TaskSeen;
  /**
   * `foreign`: it has not the mark of this VMImage. `absent`: Proxmox VE says that the VMID is free. `unknown`: it is
   * taken, and the guest cannot be read.
   */
  readonly guest: 'absent' | 'busy' | 'foreign' | 'unknown' | 'guest' | 'template';
  readonly node: NodeName;
  /** Known of a template whose destruction was refused: who needs it. */
  readonly clones?: readonly LinkedClone[];
}

export interface Want {
  /** `namespace/name` of the Provider. */
  readonly provider: string;
  /** Whether somebody needs a template on this node. */
  readonly isWanted: boolean;
  /** Who is to fetch it. */
  readonly via: 'ProxmoxVE' | 'Operator';
  /** Name of the file that the spec asks for. Absent: nothing is to be there any more. */
  readonly file: string | undefined;
  readonly generation: number;
}

export interface Have {
  /** A template of another node still has to be made of the file. */
  readonly isFileNeeded: boolean;
  /** Nothing is left to be made on the other nodes that need a template. */
  readonly areOthersMade: boolean;
  /** Another node has the template of the file that is wanted. */
  readonly isMadeElsewhere: boolean;
  /** Of the file that is wanted, or else of a former one. */
  readonly download: DownloadEntry | undefined;
  /** An ISO image of a former spec. `isUsed`: a VM may still need it. */
  readonly former?:
    | {
        readonly entry: DownloadEntry;
        readonly file: FileSeen | undefined;
        readonly isUsed: boolean;
      }
    | undefined;
  /** The template of the file that is wanted. */
  readonly current: TemplateEntry | undefined;
  /** Of other files. */
  readonly old: readonly TemplateEntry[];
  /** Absent: nothing has to be known of it. */
  readonly file: FileSeen | undefined;
  /** Absent: this process does nothing with it. */
  readonly transfer: TransferSeen | undefined;
  /** By VMID, of those that something has to be known of. */
  readonly guests: ReadonlyMap<Vmid, GuestSeen>;
  /** Where a file may be kept, or why nowhere. */
  readonly place: Place | Problem;
  /** Where the template may be made on the node of the file, or why nowhere. */
  readonly target: string | Problem;
  /** Whether this process announced the request as status has it, and has not sent it yet. */
  readonly isUnsent: (entry: DownloadEntry | TemplateEntry) => boolean;
  /** Epoch ms. */
  readonly now: number;
}

export type Step =
  | { readonly do: 'announceDownload'; readonly place: Place; readonly file: string }
  | { readonly do: 'download'; readonly entry: DownloadEntry }
  /** The operator reads the file and measures it. */
  | { readonly do: 'verify'; readonly entry: DownloadEntry }
  /** It is right: the upload is announced. */
  | { readonly do: 'measured'; readonly entry: DownloadEntry; readonly size: number; readonly sha256: string }
  | { readonly do: 'announceUpload'; readonly entry: DownloadEntry }
  | { readonly do: 'upload'; readonly entry: DownloadEntry }
  | { readonly do: 'progress'; readonly entry: DownloadEntry; readonly progress: Progress }
  | { readonly do: 'uploaded'; readonly entry: DownloadEntry; readonly task: Upid }
  | { readonly do: 'fileReady'; readonly entry: DownloadEntry }
  | {
      readonly do: 'reserve';
      readonly entry: DownloadEntry;
      readonly storage: string;
      readonly instead?: Vmid;
    }
  | { readonly do: 'announceCreate'; readonly entry: TemplateEntry }
  | { readonly do: 'create'; readonly entry: TemplateEntry; readonly download: DownloadEntry }
  | { readonly do: 'convert'; readonly entry: TemplateEntry; readonly node: NodeName }
  | { readonly do: 'templateReady'; readonly entry: TemplateEntry; readonly node: NodeName }
  | { readonly do: 'deleteFile'; readonly entry: DownloadEntry }
  | { readonly do: 'forgetFile'; readonly entry: DownloadEntry }
  | { readonly do: 'announceDestroy'; readonly entry: TemplateEntry }
  | { readonly do: 'destroy'; readonly entry: TemplateEntry; readonly node: NodeName }
  | { readonly do: 'forgetTemplate'; readonly entry: TemplateEntry }
  | {
      readonly do: 'failed';
      readonly what: 'file' | Vmid;
      readonly message: string;
      /** Absent: a task failed. */
      readonly reason?: string;
      readonly isOfSource?: boolean;
    };

export type Plan =
  /** `again`: something is still being removed, which keeps nothing from being ready. */
  | { readonly kind: 'done'; readonly again?: number }
  | { readonly kind: 'act'; readonly step: Step }
  | {
      readonly kind: 'wait';
      /** Of status, where it was kept, or a `Reason`. */
      readonly reason: string;
      readonly message: string;
      readonly again: number;
    };
