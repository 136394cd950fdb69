/** What may be refused comes last, so that it holds nothing back. */
import type { Rule } from './rule.ts';
import { act } from './rule.ts';

export const aside: Rule = (want, { presence, bestEffortWrites, ownTags, digests }) => {
  const [next] = bestEffortWrites;
  if (!want.exists || presence.kind !== 'seen' || !next) return undefined;
  // As in configure: what is half done would be taken for somebody's doing.
  if (digests?.applied !== undefined && digests.applied !== digests.digest)
    return act({ do: 'clearApplied' });
  const { key, value, note = [] } = next;
  // Written down first: a tag that we set and forgot would stay for ever.
  if (note.some((tag) => !ownTags.includes(tag))) return act({ do: 'recordTags', tags: note });
  const change = value === undefined ? { set: {}, delete: [key] } : { set: { [key]: value }, delete: [] };
  return act({ do: 'configure', change, digest: presence.guest.digest, aside: next });
};
