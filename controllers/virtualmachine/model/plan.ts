/** What a pass decides. Types only: nothing in this file runs. */
import type { Refuse, Wait } from '../../shared/plan/rule.ts';
import type { OwnerMark } from '../../shared/guests/owner-mark.ts';
import type { BestEffortWrite, ConfigChange, SeedImage } from './config.ts';
import type { DiskStep } from './disks.ts';
import type { HookName, Restraint } from './desired.ts';
import type { Move } from './placement.ts';
import type { RecordedRevert } from './revert.ts';
import type { CloneCreation, Creation, NewCreation } from '../../shared/placement/model.ts';
import type { NodeName, Upid, Vmid } from '../../../src/lib/units.ts';

/** `plan/step-info.ts` says of each what it touches and how it is described. */
export type Step =
  /** `vmid`: of a guest that exists, and is ours or to be adopted. `fixed`: the VMID that the spec asks for. */
  | {
      readonly do: 'reserve';
      readonly vmid?: Vmid;
      readonly fixed?: Vmid;
      readonly adopts?: true;
      /** The guest is the object's already, and status lost it. */
      readonly recovers?: true;
    }
  /** Writes our mark into a guest. */
  | { readonly do: 'adopt'; readonly description: string; readonly digest: string }
  /** Writes our mark back into a guest of ours that lost it to a revert. */
  | { readonly do: 'restoreMark'; readonly description: string; readonly digest: string }
  /** Records how far the revert to a snapshot is. */
  | { readonly do: 'recordRevert'; readonly revert: RecordedRevert; readonly leaves?: true }
  | { readonly do: 'releaseClaim'; readonly vmid: Vmid }
  | { readonly do: 'recordPlacement'; readonly creation: Extract<Creation, { ok: true }> }
  | {
      readonly do: 'clone';
      readonly vmid: Vmid;
      readonly creation: CloneCreation;
      readonly name: string;
      readonly owner: OwnerMark;
    }
  /** Makes a guest without a template. */
  | {
      readonly do: 'create';
      readonly vmid: Vmid;
      readonly creation: NewCreation;
      readonly settings: ConfigChange['set'];
    }
  | { readonly do: 'migrate'; readonly move: Move }
  | { readonly do: 'recordSeed'; readonly volume: string }
  /** Removes the digest of the spec that was applied last, because another is about to be applied. */
  | { readonly do: 'clearApplied' }
  /** Records that a restart is about to be made, or was. */
  | { readonly do: 'recordRestart' }
  | { readonly do: 'uploadSeed'; readonly seed: SeedImage }
  | {
      readonly do: 'configure';
      readonly change: ConfigChange;
      readonly digest: string;
      /** The one option that is written. If PVE refuses it, that is reported and blocks nothing. */
      readonly bestEffort?: BestEffortWrite;
    }
  /** Discards changes that wait for a restart. */
  | { readonly do: 'revertPending'; readonly keys: readonly string[]; readonly digest: string }
  | { readonly do: 'recordTags'; readonly tags: readonly string[] }
  /** Records the interfaces, and their settings, that are to be written. */
  | { readonly do: 'recordNetworks' }
  /** Records the slots chosen for new disks. */
  | { readonly do: 'recordDisks' }
  /** Records the slots chosen for new CD-ROM drives. */
  | { readonly do: 'recordCdroms' }
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
  /** Attaches a volume again, so that it is destroyed with its guest. */
  | {
      readonly do: 'reattachDrive';
      readonly device: string;
      readonly volume: string;
      readonly digest: string;
    }
  | { readonly do: 'destroy' }
  /** `replaced`: another image takes its place, even if a snapshot contains it. */
  | { readonly do: 'deleteSeed'; readonly volume: string; readonly replaced?: true };

/** What one rule says. */
export type RuleResult =
  | { readonly kind: 'act'; readonly step: Step }
  | Wait
  | Refuse
  /** `left`: what stays in Proxmox VE, to be named when the object is deleted. */
  | { readonly kind: 'gone'; readonly left?: LeftBehind };

export type Plan =
  | { readonly kind: 'steady' }
  /** These steps would follow, one after the other, but the spec allows none of them. */
  | { readonly kind: 'withheld'; readonly by: Restraint; readonly steps: readonly Step[] }
  | RuleResult;

export interface LeftBehind {
  /** Why it stays: by a policy of its object, or because the deletion was forced and PVE was not asked. */
  readonly by: 'policy' | 'force';
  readonly vmid?: Vmid | undefined;
  readonly node?: NodeName | undefined;
  /** Settings that change at its next start. */
  readonly pending?: readonly string[];
  /** The cloud-init image. */
  readonly volume?: string | undefined;
  /** The task that was running. */
  readonly task?: Upid | undefined;
}
