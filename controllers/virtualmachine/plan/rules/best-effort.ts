/** Options that PVE may refuse are written last, so that a refusal blocks nothing. */
import type { Rule } from './rule.ts';
import { act, writeAlone } from './rule.ts';

export const bestEffort: Rule = (want, { presence, bestEffortWrites, ownTags, digests }) => {
  const [next] = bestEffortWrites;
  if (!want.exists || presence.kind !== 'seen' || !next) return undefined;
  // As in configure: what is half done would be taken for somebody else's change.
  if (digests?.applied !== undefined && digests.applied !== digests.digest)
    return act({ do: 'clearApplied' });
  const { note = [] } = next;
  // Recorded first: a tag that we set and forgot would stay forever.
  if (note.some((tag) => !ownTags.includes(tag))) return act({ do: 'recordTags', tags: note });
  return writeAlone(next, presence.guest);
};
