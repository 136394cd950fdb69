/** Options of drives: before the start of a guest, and one drive at a time, so that a refusal blocks nothing. */
import { replacesAnother } from '../../config/drift.ts';
import type { Rule } from './rule.ts';
import { act, writeAlone } from './rule.ts';

export const driveOptions: Rule = (want, { presence, drives, digests }) => {
  const next = drives?.writes[0];
  if (!want.exists || presence.kind !== 'seen' || !next) return undefined;
  if (replacesAnother(digests)) return act({ do: 'clearApplied' });
  return writeAlone(next, presence.guest);
};
