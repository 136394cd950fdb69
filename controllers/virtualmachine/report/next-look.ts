/** When a guest is checked next: its agent is queried, its probe runs, or a restart is due. Pure. */
import { millis, minutes, type Millis } from '../../../src/lib/units.ts';
import { settled, within, type Outcome } from '../../../src/runtime/outcome.ts';
import type { Observed } from '../model/observed.ts';
import type { ProcessState } from '../model/process-state.ts';

/** A timer for longer than 24 days would fire at once. */
const MAX_DELAY = minutes(24 * 60);

const delayUntil = (at: number, now: number): Millis => millis(Math.min(Math.max(at - now, 0), MAX_DELAY));

export function settledUntil({ agent, restart, probe }: ProcessState, now: number): Outcome {
  const next = Math.min(agent.dueAt ?? Infinity, restart.dueAt ?? Infinity, probe?.dueAt ?? Infinity);
  return settled(next === Infinity ? undefined : delayUntil(next, now));
}

/** What a guest waits for, or needs a user for, does not delay a restart that is due earlier. */
export const untilRestart = (
  outcome: Outcome,
  { restart, now }: Pick<Observed, 'restart' | 'now'>,
): Outcome => (restart?.againAt === undefined ? outcome : within(outcome, delayUntil(restart.againAt, now)));
