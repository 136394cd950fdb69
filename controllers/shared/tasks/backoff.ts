/** After a failed task the next attempt waits, longer each time. An edit of the spec ends the wait. Pure. */
import { transientReason } from './transient.ts';
import { blocksOnlyItself, failureMessage } from './labels.ts';
import { holdOffMs } from '../plan/hold-off.ts';
import type { Failure, TaskTable } from './model.ts';
import type { Refuse, Rule, Wait } from '../plan/rule.ts';
import { refuse, wait } from '../plan/rule.ts';

/** After this many attempts a person is needed, and the step is still tried. */
const STALLED_AFTER = 5;

/** How long a failed step still has to wait. */
export const heldMs = (failure: Pick<Failure<string>, 'attempts' | 'at'>, now: number): number =>
  failure.at + holdOffMs(failure) - now;

interface Attempted<Label extends string> {
  readonly failure: Failure<Label> | undefined;
  readonly now: number;
}

/** The rule for failures that block everything. */
export const backoff =
  <Label extends string>(table: TaskTable<Label>): Rule<unknown, Attempted<Label>, Wait | Refuse> =>
  (_want, { failure, now }) =>
    failure === undefined || blocksOnlyItself(table, failure) || heldMs(failure, now) <= 0
      ? undefined
      : backingOff(table, failure, now);

export function backingOff<Label extends string>(
  table: TaskTable<Label>,
  failure: Failure<Label>,
  now: number,
): Wait | Refuse {
  const left = heldMs(failure, now);
  const message = failureMessage(table, failure);
  const transient = transientReason(failure.message);
  if (transient !== undefined) return wait(transient, `${message} It is retried shortly.`, left);
  return failure.attempts >= STALLED_AFTER
    ? refuse(
        'TaskFailed',
        `${message} It failed ${STALLED_AFTER} times or more and is now retried every 5 minutes. Fix the cause, or edit the spec to retry at once.`,
        left,
      )
    : wait('BackingOff', `${message} It is retried shortly.`, left);
}
