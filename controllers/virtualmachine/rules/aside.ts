/** What may be refused comes last, so that it holds nothing back. */
import type { Rule } from './verdicts.ts';
import { act } from './verdicts.ts';

export const aside: Rule = (want, { presence, asides, ownTags, wish }) => {
  const [next] = asides;
  if (!want.exists || presence.kind !== 'seen' || !next) return undefined;
  // As in configure: what is half done would be taken for somebody's doing.
  if (wish?.applied !== undefined && wish.applied !== wish.digest) return act({ do: 'noteWish' });
  const { key, value, note = [] } = next;
  // Written down first: a tag that we set and forgot would stay for ever.
  if (note.some((tag) => !ownTags.includes(tag))) return act({ do: 'noteTags', tags: note });
  const change = value === undefined ? { set: {}, delete: [key] } : { set: { [key]: value }, delete: [] };
  return act({ do: 'configure', change, digest: presence.guest.digest, aside: next });
};
