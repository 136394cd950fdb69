/** After a failed task the next try waits, longer each time; an edit of the spec forgives. */
import type { Failure } from './model.ts';
import { isNarrow } from './narrow-failures.ts';
import type { Refuse, Rule, Wait } from '../plan/rule.ts';
import { refuse, wait } from '../plan/rule.ts';

const GIVE_UP_AFTER = 5;

/** 5 s, 10 s, 20 s … at most 5 min. */
export const holdOffMs = ({ attempts }: Pick<Failure, 'attempts'>): number =>
  Math.min(5_000 * 2 ** Math.max(attempts - 1, 0), 5 * 60_000);

/** How long a failed step still has to wait. */
export const heldMs = (failure: Failure, now: number): number => failure.at + holdOffMs(failure) - now;

interface Attempted {
  readonly failure: Failure | undefined;
  readonly now: number;
}

export const backoff: Rule<unknown, Attempted, Wait | Refuse> = (_want, { failure, now }) =>
  failure === undefined || isNarrow(failure) || heldMs(failure, now) <= 0
    ? undefined
    : backingOff(failure, now);

export function backingOff(failure: Failure, now: number): Wait | Refuse {
  const left = heldMs(failure, now);
  const message = `Proxmox VE failed at "${failure.step}": ${failure.message.replace(/\.?\s*$/, '.')}`;
  return failure.attempts >= GIVE_UP_AFTER
    ? refuse(
        'TaskFailed',
        `${message} It failed ${GIVE_UP_AFTER} times or more and is tried every 5 minutes.`,
        left,
      )
    : wait('BackingOff', `${message} It is tried again shortly.`, left);
}
