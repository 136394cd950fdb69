/** When a settled guest is looked at next of its own accord: its agent is asked, or a restart is due. */
import { millis, minutes } from '../../../src/lib/units.ts';
import { settled, type Outcome } from '../../../src/runtime/outcome.ts';
import type { ProcessState } from '../model/process-state.ts';
import type { Observed } from '../model/observed.ts';

/** A timer for longer than 24 days would fire at once. */
const LONGEST = minutes(24 * 60);

export const isDue = (at: number | undefined, now: number): boolean => at !== undefined && at <= now;

export function scheduleRestartCheck({ restart }: Observed, processState: ProcessState): void {
  if (restart?.againAt === undefined) delete processState.restartDueAt;
  else processState.restartDueAt = restart.againAt;
}

export function settledUntil({ agentDueAt, restartDueAt, probe }: ProcessState, now: number): Outcome {
  const next = Math.min(agentDueAt ?? Infinity, restartDueAt ?? Infinity, probe?.dueAt ?? Infinity);
  return settled(next === Infinity ? undefined : millis(Math.min(Math.max(next - now, 0), LONGEST)));
}
