/**
 * Decides what a pass over a VMSnapshot does. Pure: no clock, no I/O, no waiting, no throwing.
 * The rules are asked in order and the first that has an answer wins, so the order is the policy.
 */
import { firstResult, wait, type NamedRule } from '../../shared/plan/rule.ts';
import { backoff } from '../../shared/tasks/backoff.ts';
import { taskInProgress } from '../../shared/tasks/in-progress.ts';
import type { Desired } from '../model/desired.ts';
import type { Observed } from '../model/observed.ts';
import type { Plan, RuleResult } from '../model/plan.ts';
import { TASKS } from '../model/tasks.ts';
import { creation, deadline, settled } from './rules/creation.ts';
import { deletion, release } from './rules/deletion.ts';
import { doubt } from './rules/doubt.ts';
import { guest } from './rules/guest.ts';
import { beingMade, halfDeleted, halfTaken } from './rules/half-made.ts';
import { lost, recognition } from './rules/recognition.ts';

const RULES: readonly NamedRule<Desired, Observed, RuleResult>[] = [
  { name: 'taskInProgress', decide: taskInProgress(TASKS) },
  { name: 'guest', decide: guest },
  { name: 'recognition', decide: recognition },
  { name: 'beingMade', decide: beingMade },
  { name: 'halfDeleted', decide: halfDeleted },
  { name: 'halfTaken', decide: halfTaken },
  // A revert belongs here: it needs a snapshot that is complete.
  { name: 'settled', decide: settled },
  { name: 'lost', decide: lost },
  { name: 'doubt', decide: doubt },
  { name: 'release', decide: release },
  { name: 'deadline', decide: deadline },
  { name: 'backoff', decide: backoff(TASKS) },
  { name: 'deletion', decide: deletion },
  { name: 'creation', decide: creation },
];

/** No observation leads here; if one did, nothing would be done. */
const UNDECIDED = wait(
  'StateChanging',
  'The snapshot is changing in Proxmox VE. It is looked at again.',
  15_000,
);

export function plan(want: Desired, have: Observed): Plan {
  const result = firstResult(RULES, want, have)?.result ?? UNDECIDED;
  return result.kind === 'wait' ? { ...result, againMs: untilDeadline(result.againMs, want, have) } : result;
}

/** That it has passed is reported when it has. */
function untilDeadline(againMs: number, { exists, deadline: at }: Desired, { now }: Observed): number {
  return exists && at !== undefined && at >= now ? Math.min(againMs, at - now + 1) : againMs;
}
