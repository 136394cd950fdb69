/** The planner left to itself in a modelled world: its steps, and where it settles. */
import type { Plan, Step } from '../../controllers/virtualmachine/model/plan.ts';
import { plan } from '../../controllers/virtualmachine/plan/plan.ts';
import { onceFor } from './memo.ts';
import { after, observationOf, type World } from './planner-world.ts';

/** Waiting in vain this often means that only a person could move what stands in the way. */
const MAX_WAITS = 6;
/** More than any way to rest takes. */
const MANY = 40;

export const planFor = (world: World): Plan => {
  const { want, have } = observationOf(world);
  return plan(want, have);
};

export interface Run {
  readonly steps: readonly { readonly step: Step; readonly world: World }[];
  readonly end: World;
  readonly last: Plan;
  /** Up to the first after which nothing is done any more. */
  readonly passes: number;
}

/** Follows the plans until nothing is left to do or only waiting is. */
export const run = onceFor((start: World): Run => {
  const steps: { step: Step; world: World }[] = [];
  let world = start;
  let next = planFor(world);
  let passes = 0;
  let busy = 0;
  for (let waits = 0; waits < MAX_WAITS && next.kind !== 'gone';) {
    waits = next.kind === 'act' ? 0 : waits + 1;
    passes += 1;
    if (next.kind === 'act') {
      steps.push({ step: next.step, world });
      busy = passes;
    }
    if (steps.length > MANY) break;
    world = after(next, world);
    const later = planFor(world);
    // What is observed when settled may be what was waited for: the guest agent answers.
    if (next.kind === 'steady' && later.kind === 'steady') break;
    next = later;
  }
  return { steps, end: world, last: next, passes: busy + 1 };
});
