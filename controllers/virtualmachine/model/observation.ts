/** What the plan decides on. Types only: nothing in this file runs. */
import type { CloudInitPlan } from './cloud-init.ts';
import type { Desired } from './desired.ts';
import type { Observed } from './observed.ts';
import type { Surroundings } from './surroundings.ts';

export interface Observation {
  readonly want: Desired;
  readonly have: Observed;
  /** How the guest gets its cloud-init data; known once the guest is there. */
  readonly cloudInit: CloudInitPlan | undefined;
  /** What this was derived from around the guest; known once the guest is there. */
  readonly surroundings?: Surroundings | undefined;
}
