/**
 * Decides what a pass should do. Pure: no clock, no I/O, no waiting, no throwing.
 * The rules are asked in order and the first that has an opinion wins, so the order is the policy.
 */
import type { Observed } from '../model/observed.ts';
import type { Plan, Step } from '../model/plan.ts';
import type { Desired, Restraint } from '../model/desired.ts';
import { claimAdopted, stampAdopted } from './rules/adoption.ts';
import { aside } from './rules/best-effort.ts';
import { backoff } from '../../shared/tasks/backoff.ts';
import { configure, dropSeed } from './rules/configure.ts';
import { create } from './rules/create.ts';
import { deletion } from './rules/deletion.ts';
import { disks, disksLater } from './rules/disks.ts';
import { leftToHa } from './rules/ha.ts';
import { hookBefore, postStart } from './rules/hooks.ts';
import { beingMade, heldBack } from './rules/locked.ts';
import { migrate, migrateLater } from './rules/migrate.ts';
import { formerObject, ownership } from './rules/ownership.ts';
import { power } from './rules/power.ts';
import { restart } from './rules/restart.ts';
import { taskInProgress } from '../../shared/tasks/in-progress.ts';
import type { Rule } from './rules/rule.ts';

const RULES: readonly Rule[] = [
  taskInProgress,
  beingMade,
  stampAdopted,
  ownership,
  backoff,
  deletion,
  claimAdopted,
  formerObject,
  create,
  migrate,
  configure,
  disks,
  restart,
  power,
  postStart,
  aside,
  dropSeed,
  disksLater,
  migrateLater,
];

/** Steps that change the guest itself. */
const ON_THE_GUEST: readonly Step['do'][] = [
  'adopt',
  'migrate',
  'configure',
  'attachDisk',
  'growDisk',
  'moveDisk',
  'detachDisk',
  'destroyDisk',
  'runHook',
  'start',
  'stop',
  'shutdown',
  'destroy',
];

/** Nothing in Proxmox VE changes by them: a number is written down or forgotten. */
const isRecord = (step: Step): boolean =>
  step.do === 'releaseClaim' || (step.do === 'reserve' && step.vmid !== undefined);

export function plan(want: Desired, have: Observed): Plan {
  const restraint = want.exists ? want.restraint : undefined;
  if (restraint !== undefined) return restrained(restraint, want, have);
  for (const rule of RULES) {
    const opinion = rule(want, have);
    if (!opinion) continue;
    const touches = opinion.kind === 'act' && ON_THE_GUEST.includes(opinion.step.do);
    return (touches ? before(opinion.step, want, have) : undefined) ?? opinion;
  }
  return { kind: 'steady' };
}

/** The guest is as it shall be, or as near to it as can be had now. */
export const isDone = (next: Plan): boolean =>
  next.kind === 'steady' || next.kind === 'withheld' || ('restIsDone' in next && next.restIsDone);

/** What each rule would have done by itself, in their order: for people, not to be acted upon. */
export const opinions = (want: Desired, have: Observed): readonly Plan[] =>
  RULES.flatMap((rule) => rule(want, have) ?? []);

/** What each rule would do is told; only what stands in the way of looking, and notes of our own, go through. */
function restrained(by: Restraint, want: Desired, have: Observed): Plan {
  const steps: Step[] = [];
  for (const rule of RULES) {
    // Before a change its wish would be noted down: here it is the change that is of interest.
    const opinion = rule(want, { ...have, digests: undefined });
    if (!opinion) continue;
    if (opinion.kind === 'act' && !isRecord(opinion.step)) steps.push(opinion.step);
    else if (steps.length === 0) return opinion;
  }
  return steps.length === 0 ? { kind: 'steady' } : { kind: 'withheld', by, steps };
}

/** What must be waited for, or done, before a guest is touched. */
const before = (step: Step, want: Desired, have: Observed): Plan | undefined =>
  heldBack(have) ?? leftToHa(step, have) ?? hookBefore(step, want, have);
