/** Options that PVE may refuse are written last, so that a refusal blocks nothing. */
import { replacesAnother } from '../../config/drift.ts';
import type { Rule } from './rule.ts';
import { act, writeAlone } from './rule.ts';

export const bestEffort: Rule = (want, { presence, bestEffortWrites, ownTags, parts }) => {
  const [next] = bestEffortWrites;
  if (!want.exists || presence.kind !== 'seen' || !next) return undefined;
  // As in configure: what is half done would be taken for somebody else's change.
  if (replacesAnother(parts)) return act({ do: 'clearApplied' });
  const { note = [] } = next;
  // Recorded first: a tag that we set and forgot would stay forever.
  if (note.some((tag) => !ownTags.includes(tag))) return act({ do: 'recordTags', tags: note });
  return writeAlone(next, presence.guest);
};
