/** Drives and network interfaces: before the start of a guest, and one device at a time, so that a refusal blocks nothing. */
import { replacesAnother } from '../../config/drift.ts';
import type { Rule } from './rule.ts';
import { act, writeAlone } from './rule.ts';

export const deviceWrites: Rule = (want, { presence, devices, unrecordedNics, parts }) => {
  const next = devices?.writes[0];
  if (!want.exists || presence.kind !== 'seen' || !next) return undefined;
  if (replacesAnother(parts)) return act({ do: 'clearApplied' });
  // Recorded first: what we set and forgot would stay forever.
  if (unrecordedNics) return act({ do: 'recordNetworks' });
  return writeAlone(next, presence.guest);
};
