/** Keeps the message of a refusal stable: amounts in it change all the time and alone cause no new message. Pure. */
import { withoutAmounts } from '../../shared/placement/room.ts';
import type { Refusal, Refused } from '../../shared/placement/model.ts';

/** The maximum age of the amounts in a message. */
const MAX_AGE_MS = 10 * 60_000;

const sameForAnyAmount = (a: Refusal, b: Refusal): boolean =>
  a.reason === b.reason && withoutAmounts(a.message) === withoutAmounts(b.message);

export const stableRefusal = (before: Refused | undefined, creation: Refusal, now: number): Refused =>
  before && now - before.at < MAX_AGE_MS && sameForAnyAmount(before.creation, creation)
    ? before
    : { creation, at: now };
