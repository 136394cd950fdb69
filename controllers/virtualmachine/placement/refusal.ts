/** A refusal that names amounts is worded anew only when something else changes, or seldom: figures move all the time. Pure. */
import type { Refusal, Refused } from '../model/placement.ts';

/** So old the amounts in a message may be. */
const STANDS_MS = 10 * 60_000;

const withoutAmounts = ({ reason, message }: Refusal): string =>
  `${reason} ${message.replace(/[\d.]+ [MG]iB/g, '#')}`;

export const steadyRefusal = (before: Refused | undefined, creation: Refusal, now: number): Refused =>
  before && now - before.at < STANDS_MS && withoutAmounts(before.creation) === withoutAmounts(creation)
    ? before
    : { creation, at: now };
