/** Keeps the message of a refusal stable: amounts in it change all the time and alone cause no new message. Pure. */
import type { Refusal, Refused } from '../../shared/placement/model.ts';

/** The maximum age of the amounts in a message. */
const MAX_AGE_MS = 10 * 60_000;

const withoutAmounts = ({ reason, message }: Refusal): string =>
  `${reason} ${message.replace(/[\d.]+ [MG]iB/g, '#')}`;

export const stableRefusal = (before: Refused | undefined, creation: Refusal, now: number): Refused =>
  before && now - before.at < MAX_AGE_MS && withoutAmounts(before.creation) === withoutAmounts(creation)
    ? before
    : { creation, at: now };
