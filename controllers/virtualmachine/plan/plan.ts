/**
 * Decides what a pass does. Pure: no clock, no I/O, no waiting, no throwing.
 * The rules are asked in order and the first that has an answer wins, so the order is the policy.
 */
import { backoff } from '../../shared/tasks/backoff.ts';
import { taskInProgress } from '../../shared/tasks/in-progress.ts';
import { firstResult, resultsOf, type NamedResult, type NamedRule } from '../../shared/plan/rule.ts';
import type { Observed } from '../model/observed.ts';
import type { Plan, RuleResult, Step } from '../model/plan.ts';
import type { Desired, Restraint } from '../model/desired.ts';
import { claimAdopted, markAdopted } from './rules/adoption.ts';
import { bestEffort } from './rules/best-effort.ts';
import { configure, removeSeed } from './rules/configure.ts';
import { create } from './rules/create.ts';
import { deletion } from './rules/deletion.ts';
import { disks, disksLater } from './rules/disks.ts';
import { awaitHa } from './rules/ha.ts';
import { hookBefore, postStart } from './rules/hooks.ts';
import { beingCreated, blockedByOthers } from './rules/locked.ts';
import { leftover } from './rules/leftover.ts';
import { migrate, migrateLater } from './rules/migrate.ts';
import { obsolete } from './rules/obsolete.ts';
import { ownership } from './rules/ownership.ts';
import { deviceWrites } from './rules/device-writes.ts';
import { power, stopFirst } from './rules/power.ts';
import { withoutQuorum } from './rules/quorum.ts';
import { recognition, recovery } from './rules/recognition.ts';
import { restart } from './rules/restart.ts';
import { acknowledge, duringRevert } from './rules/revert.ts';
import { unconfigured } from './rules/unconfigured.ts';
import { infoOf, TASKS, touches } from '../steps/step-info.ts';

const RULES: readonly NamedRule<Desired, Observed, RuleResult>[] = [
  { name: 'taskInProgress', decide: taskInProgress(TASKS) },
  { name: 'duringRevert', decide: duringRevert },
  { name: 'beingCreated', decide: beingCreated },
  { name: 'markAdopted', decide: markAdopted },
  { name: 'ownership', decide: ownership },
  { name: 'acknowledge', decide: acknowledge },
  { name: 'leftover', decide: leftover },
  { name: 'backoff', decide: backoff(TASKS) },
  { name: 'recovery', decide: recovery },
  { name: 'deletion', decide: deletion },
  { name: 'claimAdopted', decide: claimAdopted },
  { name: 'recognition', decide: recognition },
  { name: 'create', decide: create },
  { name: 'stopFirst', decide: stopFirst },
  { name: 'unconfigured', decide: unconfigured },
  { name: 'migrate', decide: migrate },
  { name: 'obsolete', decide: obsolete },
  { name: 'configure', decide: configure },
  { name: 'deviceWrites', decide: deviceWrites },
  { name: 'disks', decide: disks },
  { name: 'restart', decide: restart },
  { name: 'power', decide: power },
  { name: 'postStart', decide: postStart },
  { name: 'bestEffort', decide: bestEffort },
  { name: 'removeSeed', decide: removeSeed },
  { name: 'disksLater', decide: disksLater },
  { name: 'migrateLater', decide: migrateLater },
];

export function plan(want: Desired, have: Observed): Plan {
  const restraint = want.exists ? want.restraint : undefined;
  if (restraint !== undefined) return restrained(restraint, want, have);
  const first = firstResult(RULES, want, have)?.result;
  if (!first) return { kind: 'steady' };
  if (first.kind !== 'act') return first;
  return withoutQuorum(first.step, want, have) ?? beforeStep(first.step, want, have) ?? first;
}

/** The guest is as desired, or as close to it as is possible now. */
export const isDone = (next: Plan): boolean =>
  next.kind === 'steady' || next.kind === 'withheld' || ('restIsDone' in next && next.restIsDone);

/** What each rule says by itself, in their order: for people, not to be acted upon. */
export const ruleResults = (want: Desired, have: Observed): readonly NamedResult<RuleResult>[] =>
  resultsOf(RULES, want, have);

/** What the rules would do is reported. Only bookkeeping, and what prevents the guest from being read, takes effect. */
function restrained(by: Restraint, want: Desired, have: Observed): Plan {
  const steps: Step[] = [];
  // With them the rules would first clear the record of what was applied, but it is the change itself that is to be reported.
  for (const { result } of ruleResults(want, { ...have, parts: undefined })) {
    if (result.kind === 'act' && !isBookkeeping(result.step)) steps.push(result.step);
    else if (steps.length === 0) return result;
  }
  return steps.length === 0 ? { kind: 'steady' } : { kind: 'withheld', by, steps };
}

const isBookkeeping = (step: Step): boolean => infoOf(step).isBookkeeping?.(step) ?? false;

/** What must be waited for, or done, before a guest is changed. */
const beforeStep = (step: Step, want: Desired, have: Observed): RuleResult | undefined =>
  touches(step, 'guest', 'disk')
    ? (blockedByOthers(have, step) ?? awaitHa(step, have) ?? hookBefore(step, want, have))
    : undefined;
