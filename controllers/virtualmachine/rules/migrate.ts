/** A guest that is on another node than it shall be is moved. Whether it shall be is for whoever observes to say. */
import type { Rule } from './verdicts.ts';
import { act } from './verdicts.ts';

export const migrate: Rule = (want, { presence, move }) =>
  want.exists && presence.kind === 'seen' && move && move.to !== presence.guest.node
    ? act({ do: 'migrate', move })
    : undefined;
