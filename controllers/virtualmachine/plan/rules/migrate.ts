/**
 * Migrates a guest that is on another node than the desired one, which is found out when it is observed. A move that the
 * spec asked for and that failed blocks nothing else; one that is part of creating the guest comes before its start.
 */
import type { Observed } from '../../model/observed.ts';
import type { Failure } from '../../model/tasks.ts';
import { backingOff, heldMs } from '../../../shared/tasks/backoff.ts';
import { TASKS } from '../../steps/step-info.ts';
import type { Rule } from './rule.ts';
import { act } from './rule.ts';

/** A failed move that is not repeated yet. */
const waiting = ({ failure, now }: Observed): Failure | undefined =>
  failure?.step === 'Migrate' && heldMs(failure, now) > 0 ? failure : undefined;

export const migrate: Rule = (want, have) => {
  const { presence, move, now } = have;
  if (!want.exists || presence.kind !== 'seen' || !move || move.to === presence.guest.node) return undefined;
  const failed = waiting(have);
  if (!failed) return act({ do: 'migrate', move });
  return move.asked ? undefined : backingOff(TASKS, failed, now);
};

/** One of the last rules: everything else is as desired. */
export const migrateLater: Rule = (want, have) => {
  const failed = waiting(have);
  return want.exists && have.move && failed
    ? { ...backingOff(TASKS, failed, have.now), restIsDone: true }
    : undefined;
};
