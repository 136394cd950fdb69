/**
 * A guest that is on another node than it shall be is moved. Whether it shall be is for whoever observes to say. A move
 * that was asked for and fails holds back nothing else; one that is a part of making the guest comes before its start.
 */
import type { Observed } from '../../model/observed.ts';
import type { Failure } from '../../../shared/tasks/model.ts';
import { backingOff, heldMs } from '../../../shared/tasks/backoff.ts';
import { isMoveFailure } from '../../../shared/tasks/narrow-failures.ts';
import type { Rule } from './rule.ts';
import { act } from './rule.ts';

const held = ({ failure, now }: Observed): Failure | undefined =>
  failure && isMoveFailure(failure) && heldMs(failure, now) > 0 ? failure : undefined;

export const migrate: Rule = (want, have) => {
  const { presence, move, now } = have;
  if (!want.exists || presence.kind !== 'seen' || !move || move.to === presence.guest.node) return undefined;
  const failure = held(have);
  if (!failure) return act({ do: 'migrate', move });
  return move.asked ? undefined : backingOff(failure, now);
};

/** Last of all rules: everything else is as it shall be. */
export const migrateLater: Rule = (want, have) => {
  const failure = held(have);
  return want.exists && have.move && failure
    ? { ...backingOff(failure, have.now), restIsDone: true }
    : undefined;
};
