/** What a pass observed and did, as input of the report. Types only: nothing in this file runs. */
import type { VirtualMachineInternal } from '../../../src/api/index.ts';
import type { CloudInitPlan } from './cloud-init.ts';
import type { BestEffortWrite } from './config.ts';
import type { Nic } from '../../shared/guests/model.ts';
import type { Hook, Observed } from './observed.ts';
import type { Plan } from './plan.ts';
import type { TaskLabel } from './tasks.ts';
import type { Desired } from './desired.ts';
import type { NodeName, Upid, Vmid } from '../../../src/lib/units.ts';

/** What a step began or changed, to be written down. */
export type Started =
  | {
      readonly kind: 'task';
      readonly upid: Upid;
      readonly type: TaskLabel;
      /** What it is done to, for people. */
      readonly target?: string | undefined;
      /** Its end starts a pass by itself. */
      readonly followed?: boolean;
      /** How long tasks of this sort usually take. */
      readonly usualMs?: number | undefined;
    }
  | { readonly kind: 'claim'; readonly vmid: Vmid }
  | { readonly kind: 'claimReleased' }
  | { readonly kind: 'seedRecorded'; readonly volume: string; readonly node: NodeName | undefined }
  | { readonly kind: 'seedDeleted' }
  /** The configuration of this snapshot contains the image. */
  | { readonly kind: 'seedKept'; readonly snapshot: string }
  /** The volume of PVE's drive no longer exists. */
  | { readonly kind: 'driveGone' }
  | { readonly kind: 'hook'; readonly hook: Hook }
  | { readonly kind: 'tagsRecorded'; readonly tags: readonly string[] }
  /** PVE may allow everything else. */
  | { readonly kind: 'refused'; readonly write: BestEffortWrite; readonly pveMessage: string }
  /** PVE refused a step on a disk, which holds back only that disk. */
  | {
      readonly kind: 'failed';
      readonly step: TaskLabel;
      readonly target?: string | undefined;
      readonly message: string;
    }
  | { readonly kind: 'done' };

/**
 * Whether the guest agent answers, as far as it was asked. `refused`: it answers with an error. `forbidden`,
 * `unreachable` and `failed`: it was not asked, because PVE refused that, did not answer, or failed otherwise.
 */
export type Agent =
  'running' | 'silent' | 'notConfigured' | 'notAsked' | 'refused' | 'forbidden' | 'unreachable' | 'failed';

/** Addresses of a NIC, as the guest agent reports them. */
export interface NicAddresses {
  readonly device: string;
  readonly addresses: readonly string[];
}

/** A NIC of the guest, with what the spec says of it. */
export interface NamedNic extends Nic {
  readonly name: string | undefined;
  /** Optional settings that the spec gives, or gave and that are still there. */
  readonly settings: readonly string[];
}

export interface Facts {
  readonly want: Desired;
  readonly have: Observed;
  readonly plan: Plan;
  readonly started: Started | undefined;
  /** NICs of the guest in the order of their devices, and the names the spec gives them. */
  readonly nics: readonly NamedNic[];
  readonly addresses: readonly NicAddresses[] | undefined;
  readonly agent: Agent;
  /** Why it was not asked, or its error: a sentence. */
  readonly agentProblem?: string | undefined;
  /** Absent while the guest is not there to be looked at. */
  readonly cloudInit: Omit<CloudInitPlan, 'build'> | undefined;
  /** What differs from the spec and is not brought in line: a sentence each. */
  readonly differences: readonly string[];
  /** The Provider does not grant the deletion of the guest. */
  readonly preserved?: boolean;
  /** The Provider that the VMID belongs to. */
  readonly origin?: VirtualMachineInternal['provider'];
  /** What the grant does not cover, a sentence each: what the guest has, and what the spec asks for and it does not get. */
  readonly notGranted: readonly string[];
  /** Fields of the spec that have no effect: a sentence each. */
  readonly ignored: readonly string[];
  readonly consoleURL: string | undefined;
  /** What would be done. Absent: it is done. */
  readonly dryRun?: readonly string[];
}
