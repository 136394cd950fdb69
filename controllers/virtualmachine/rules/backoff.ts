/** After a failed task the next try waits, longer each time; an edit of the spec forgives. */
import type { Failure } from '../model.ts';
import type { Rule } from './verdicts.ts';
import { refuse, wait } from './verdicts.ts';

const GIVE_UP_AFTER = 5;

/** 5 s, 10 s, 20 s … at most 5 min. */
export const holdOffMs = ({ attempts }: Pick<Failure, 'attempts'>): number =>
  Math.min(5_000 * 2 ** Math.max(attempts - 1, 0), 5 * 60_000);

export const backoff: Rule = (_want, { failure, now }) => {
  if (failure === undefined) return undefined;
  const left = failure.at + holdOffMs(failure) - now;
  if (left <= 0) return undefined;
  const message = `Proxmox VE failed at "${failure.step}": ${failure.message.replace(/\.?\s*$/, '.')}`;
  return failure.attempts >= GIVE_UP_AFTER
    ? refuse(
        'TaskFailed',
        `${message} It failed ${GIVE_UP_AFTER} times or more and is tried every 5 minutes.`,
        left,
      )
    : wait('BackingOff', `${message} It is tried again shortly.`, left);
};
