/** A request whose answer is unknown may still arrive. Until it cannot any more, nothing is concluded. Pure. */
import { wait } from '../../../shared/plan/rule.ts';
import type { Observed, Request } from '../../model/observed.ts';
import type { Rule } from './rule.ts';

/** A request is sent at most so long after it was announced. */
export const SENT_WITHIN_MS = 10_000;
/** And by then it has arrived, or never will. */
export const ARRIVED_AFTER_MS = 75_000;

/** For how long it is in doubt, as seen now. */
export const doubtMs = (request: Request | undefined, now: number): number =>
  request?.state === 'unknown' ? request.at + ARRIVED_AFTER_MS - now : 0;

/** It was announced so recently that it may be sent now. */
export const maySend = ({ request, now }: Pick<Observed, 'request' | 'now'>): boolean =>
  request !== undefined &&
  request.state !== 'unknown' &&
  now - request.at <= SENT_WITHIN_MS &&
  now >= request.at;

export const doubt: Rule = (_want, { request, now }) => {
  const left = doubtMs(request, now);
  return left > 0
    ? wait(
        'OutcomeUnknown',
        'It is unknown whether Proxmox VE received the last request. The operator looks for what it did, and repeats it after a minute at the earliest.',
        Math.min(left, 5_000),
      )
    : undefined;
};
