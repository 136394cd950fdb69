/**
 * Decides what a pass over a VMSnapshot does. Pure: no clock, no I/O, no waiting, no throwing.
 * The rules are asked in order and the first that has an answer wins, so the order is the policy.
 */
import { firstResult, type NamedRule } from '../../shared/plan/rule.ts';
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
import { halfDeleted, halfTaken } from './rules/half-made.ts';
import { lost, recognition } from './rules/recognition.ts';

const RULES: readonly NamedRule<Desired, Observed, RuleResult>[] = [
  { name: 'taskInProgress', decide: taskInProgress(TASKS) },
  { name: 'guest', decide: guest },
  { name: 'recognition', decide: recognition },
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

export const plan = (want: Desired, have: Observed): Plan =>
  firstResult(RULES, want, have)?.result ?? { kind: 'settled' };
