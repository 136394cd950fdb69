/** A change that waits for a restart and that the spec no longer asks for is taken back. */
import type { Rule } from './rule.ts';
import { act } from './rule.ts';

export const obsolete: Rule = (want, { presence, obsoleteKeys: keys = [] }) =>
  want.exists && presence.kind === 'seen' && keys.length > 0
    ? act({ do: 'revertPending', keys, digest: presence.guest.digest })
    : undefined;
