/**
 * Disks are created, grown and detached, one step a pass. A disk that cannot be provided blocks nothing but the start of
 * a guest that would boot without it.
 */
import type { DiskWork } from '../../model/disks.ts';
import type { Observed } from '../../model/observed.ts';
import type { RuleResult } from '../../model/plan.ts';
import type { Failure } from '../../model/tasks.ts';
import { replacesAnother } from '../../config/drift.ts';
import { backingOff, heldMs } from '../../../shared/tasks/backoff.ts';
import { blocksStart, isDiskFailure, TASKS } from '../../steps/step-info.ts';
import type { Rule } from './rule.ts';
import { act } from './rule.ts';
import { wait } from '../../../shared/plan/rule.ts';

/** A failed step on a disk that is not repeated yet. */
const waiting = ({ failure, now }: Observed): Failure | undefined =>
  failure && isDiskFailure(failure) && heldMs(failure, now) > 0 ? failure : undefined;

export const disks: Rule = (want, have) => {
  const { presence, disks: work } = have;
  if (!want.exists || presence.kind !== 'seen' || !work) return undefined;
  const { running } = presence.guest;
  // It is stopped first: the disks may be why it is to be off.
  if (want.power !== 'On' && running) return undefined;
  const starts = want.power === 'On' && !running;
  if (work.unrecorded) return act({ do: 'recordDisks' });
  if (work.steps.length > 0) return nextStep(work, have, starts ? 'starts' : 'stays');
  const [problem] = work.unmakeable;
  return starts && problem !== undefined ? wait('StorageUnavailable', problem, 15_000) : undefined;
};

function nextStep({ steps }: DiskWork, have: Observed, power: 'starts' | 'stays'): RuleResult | undefined {
  const { failure, now, parts } = have;
  const failed = waiting(have);
  if (failed) return power === 'starts' && blocksStart(failed) ? backingOff(TASKS, failed, now) : undefined;
  if (replacesAnother(parts)) return act({ do: 'clearApplied' });
  // After a failure another disk is next: one that cannot be provided must not keep the others waiting.
  const step = steps[(failure?.attempts ?? 0) % steps.length];
  return step && act(step);
}

/** One of the last rules: everything else is as desired. */
export const disksLater: Rule = (want, have) => {
  const { disks: work, now } = have;
  if (!want.exists || !work || work.steps.length === 0) return undefined;
  const failed = waiting(have);
  return failed && { ...backingOff(TASKS, failed, now), restIsDone: true };
};
