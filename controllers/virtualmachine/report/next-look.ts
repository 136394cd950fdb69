/** When a settled guest is checked next: its agent is queried, its probe runs, or a restart is due. Pure. */
import { millis, minutes } from '../../../src/lib/units.ts';
import { settled, type Outcome } from '../../../src/runtime/outcome.ts';
import type { ProcessState } from '../model/process-state.ts';

/** A timer for longer than 24 days would fire at once. */
const MAX_DELAY = minutes(24 * 60);

export function settledUntil({ agent, restart, probe }: ProcessState, now: number): Outcome {
  const next = Math.min(agent.dueAt ?? Infinity, restart.dueAt ?? Infinity, probe?.dueAt ?? Infinity);
  return settled(next === Infinity ? undefined : millis(Math.min(Math.max(next - now, 0), MAX_DELAY)));
}
