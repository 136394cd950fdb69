/** A refusal that names amounts is worded anew only when something else changes, or seldom: figures move all the time. Pure. */
import type { Creation } from '../model/placement.ts';

type Refusal = Extract<Creation, { ok: false }>;

export interface Refused {
  readonly creation: Refusal;
  /** Epoch ms. */
  readonly at: number;
}

/** So old the amounts in a message may be. */
const MAX_AGE_MS = 10 * 60_000;

const withoutAmounts = ({ reason, message }: Refusal): string =>
  `${reason} ${message.replace(/[\d.]+ [MG]iB/g, '#')}`;

export const stableRefusal = (before: Refused | undefined, creation: Refusal, now: number): Refused =>
  before && now - before.at < MAX_AGE_MS && withoutAmounts(before.creation) === withoutAmounts(creation)
    ? before
    : { creation, at: now };
