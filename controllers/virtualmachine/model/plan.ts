/** What a pass decides. Types only: nothing in this file runs. */
import type { Refuse, Wait } from '../../shared/plan/rule.ts';
import type { OwnerMark } from '../../shared/guests/owner-mark.ts';
import type { BestEffortWrite, ConfigChange, SeedImage } from './config.ts';
import type { DiskStep } from './disks.ts';
import type { HookName, Restraint } from './desired.ts';
import type { Creation, Move } from './placement.ts';
import type { NodeName, Upid, Vmid } from '../../../src/lib/units.ts';

export type Step =
  /** `vmid`: of a guest that is there, and ours or to be adopted. `fixed`: the number that the spec asks for. */
  | { readonly do: 'reserve'; readonly vmid?: Vmid; readonly fixed?: Vmid; readonly adopts?: true }
  /** Makes a guest ours. */
  | { readonly do: 'adopt'; readonly description: string; readonly digest: string }
  | { readonly do: 'releaseClaim'; readonly vmid: Vmid }
  | { readonly do: 'recordPlacement'; readonly creation: Extract<Creation, { ok: true }> }
  | {
      readonly do: 'clone';
      readonly vmid: Vmid;
      readonly creation: Extract<Creation, { ok: true }>;
      readonly name: string;
      readonly owner: OwnerMark;
    }
  | { readonly do: 'migrate'; readonly move: Move }
  | { readonly do: 'recordSeed'; readonly volume: string }
  /** Forgets what wish was brought about last, since another is to be. */
  | { readonly do: 'clearApplied' }
  /** Writes down that a restart is about to be made, or was. */
  | { readonly do: 'recordRestart' }
  | { readonly do: 'uploadSeed'; readonly seed: SeedImage }
  | {
      readonly do: 'configure';
      readonly change: ConfigChange;
      readonly digest: string;
      /** The one option that is written; its refusal is told and holds nothing back. */
      readonly aside?: BestEffortWrite;
    }
  | { readonly do: 'recordTags'; readonly tags: readonly string[] }
  /** Status is written with the slots that are chosen; nothing is asked of PVE. */
  | { readonly do: 'recordDisks' }
  | DiskStep
  | { readonly do: 'recordHook'; readonly hook: HookName }
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
  | Wait
  | Refuse
  /** `left`: what stays behind in Proxmox VE, to be named when the object goes. */
  | { readonly kind: 'gone'; readonly left?: LeftBehind };

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
