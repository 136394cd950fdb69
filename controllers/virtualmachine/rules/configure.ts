/** The guest's configuration is brought to the wish, only with the keys that differ. */
import type { Rule } from './verdicts.ts';
import { act, refuse } from './verdicts.ts';

export const configure: Rule = (want, { presence, change, seedVolume }) => {
  if (!want.exists || presence.kind !== 'seen' || change === undefined) return undefined;
  if (change.seedProblem) return refuse(change.seedProblem.reason, change.seedProblem.message, 60_000);
  const { seed } = change;
  // The image holds secrets: its name is in our status before it exists, so that it is deleted whatever happens.
  if (seed && !seed.noted && seedVolume !== undefined) return act({ do: 'deleteSeed', volume: seedVolume });
  if (seed && !seed.noted) return act({ do: 'noteSeed', volume: seed.volume });
  if (seed && !seed.uploaded) return act({ do: 'uploadSeed', seed });
  return act({ do: 'configure', change, digest: presence.guest.digest });
};
