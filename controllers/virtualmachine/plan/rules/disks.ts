/**
 * Disks are made, grown and taken off, one step a pass. A disk that cannot be had holds back nothing but the start of
 * a guest that would boot without it.
 */
import type { DiskWork } from '../../model/disks.ts';
import type { Observed } from '../../model/observed.ts';
import type { Failure } from '../../../shared/tasks/model.ts';
import { replacesAnother } from '../../config/drift.ts';
import { backingOff, heldMs } from '../../../shared/tasks/backoff.ts';
import { holdsStart, isDiskFailure } from '../../../shared/tasks/narrow-failures.ts';
import type { Rule } from './rule.ts';
import { act } from './rule.ts';
import { wait } from '../../../shared/plan/rule.ts';

/** A failed step on a disk that is to be repeated only later. */
const held = ({ failure, now }: Observed): Failure | undefined =>
  failure && isDiskFailure(failure) && heldMs(failure, now) > 0 ? failure : undefined;

export const disks: Rule = (want, have) => {
  const { presence, disks: work } = have;
  if (!want.exists || presence.kind !== 'seen' || !work) return undefined;
  const { running } = presence.guest;
  // It is stopped first: that may be why it shall be off.
  if (want.power !== 'On' && running) return undefined;
  const starts = want.power === 'On' && !running;
  if (work.unrecorded) return act({ do: 'recordDisks' });
  if (work.steps.length > 0) return nextStep(work, have, starts ? 'starts' : 'stays');
  const [problem] = work.unmakeable;
  return starts && problem !== undefined ? wait('StorageUnavailable', problem, 15_000) : undefined;
};

function nextStep({ steps }: DiskWork, have: Observed, power: 'starts' | 'stays'): ReturnType<Rule> {
  const { failure, now, digests } = have;
  const holding = held(have);
  if (holding) return power === 'starts' && holdsStart(holding) ? backingOff(holding, now) : undefined;
  if (replacesAnother(digests)) return act({ do: 'clearApplied' });
  // After a failure another disk has its turn: one that cannot be had must not keep the next one waiting.
  const step = steps[(failure?.attempts ?? 0) % steps.length];
  return step && act(step);
}

/** Last of all rules: everything else is as it shall be. */
export const disksLater: Rule = (want, have) => {
  const { disks: work, now } = have;
  if (!want.exists || !work || work.steps.length === 0) return undefined;
  const failure = held(have);
  return failure && { ...backingOff(failure, now), restIsDone: true };
};
