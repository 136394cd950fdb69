/** What a pass decided. Types only: nothing in this file runs. */
import type { Unresolved } from './desired.ts';
import type { Observation } from './observation.ts';
import type { Plan } from './plan.ts';
import type { ResolvedSpec } from './resolved-spec.ts';
import type { GuestRow } from './surroundings.ts';

/** What a pass found and decided. Nothing needs to be observed for an object that never made anything. */
export interface Decision {
  readonly next: Plan;
  readonly seen?: Seen | undefined;
}

export interface Seen {
  readonly resolved: ResolvedSpec;
  readonly observation: Observation;
  /** What the list of guests said before the guest was read. */
  readonly row: GuestRow | undefined;
  /** The spec cannot be resolved; the guest is switched off all the same. */
  readonly missing?: Unresolved;
}
