/** The object is being deleted: its snapshot is, and only its own. Pure. */
import { blocked } from './blocked.ts';
import { maySend } from './doubt.ts';
import { ownOf } from './recognition.ts';
import { act, gone, type Rule } from './rule.ts';

/** Without a snapshot of ours there is nothing to wait for, unless one is being taken: it may be ours. */
export const release: Rule = (want, have) => {
  if (want.exists || have.own.length > 0) return undefined;
  return have.activeTasks.some(({ type }) => type === 'qmsnapshot') ? blocked(want, have) : gone;
};

export const deletion: Rule = (want, have) => {
  const own = ownOf(have);
  if (want.exists || !own) return undefined;
  const { name } = own;
  return (
    blocked(want, have) ??
    act(maySend(have) ? { do: 'delete', name } : { do: 'announce', request: 'Delete', name })
  );
};
