/** What is to be known of a step. Types only: nothing in this file runs. */
import type { EventReason } from '../../../src/api/index.ts';
import type { GuestConfig } from '../../shared/guests/model.ts';
import type { TaskInfo } from '../../shared/tasks/model.ts';
import type { Step } from './plan.ts';
import type { TaskLabel } from './tasks.ts';

export type StepName = Step['do'];
export type StepsByName = { readonly [S in Step as S['do']]: S };

export interface StepInfo<S extends Step = Step> extends TaskInfo {
  /**
   * What the step changes. `status`: nothing in PVE, the status write that follows is all. `image`: the cloud-init image
   * on its storage. `disk`: a disk of the guest.
   */
  readonly touches: 'status' | 'image' | 'newGuest' | 'guest' | 'disk';
  /** Label of the task that it begins in PVE. */
  readonly task?: TaskLabel;
  /** If it failed, the guest is not started: it would boot without what the spec says. */
  readonly neededToStart?: true;
  /** For a guest that HA manages, PVE only records the request and HA carries it out. */
  readonly carriedOutByHa?: true;
  /** PVE carries it out also where the cluster has no quorum. */
  readonly needsNoQuorum?: true;
  /** It looks before it acts, so a second one in a row is no repetition yet. */
  readonly looksFirst?: true;
  /** It only records or releases a VMID, which no managementPolicy withholds. */
  readonly isBookkeeping?: (step: S) => boolean;
  /** It follows from what is gone already, so a dry run takes it. */
  readonly takenInDryRun?: true;
  /** The phase is Reconfiguring meanwhile. */
  readonly reconfigures?: true;
  /** It removes what has served: the guest is as desired before and after. */
  readonly isCleanup?: (step: S) => boolean;
  /** What distinguishes two such steps, besides the generation of the object. */
  readonly subject?: (step: S) => readonly unknown[];
  /** What the task is about, for people: the name of a disk. */
  readonly target?: (step: S) => string;
  /** What the step would do, without a value, since a configuration may hold secrets: `start the VM`. */
  readonly wouldDo: (step: S) => string;
  /**
   * @param vm for example `VM 101`
   * @param config of the guest before the step
   */
  readonly event?: (
    step: S,
    vm: string,
    config?: GuestConfig,
  ) => { readonly reason: EventReason; readonly message: string };
}
