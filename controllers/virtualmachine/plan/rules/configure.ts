/** The guest's configuration is brought to the wish, only with the keys that differ. */
import type { SeedImage } from '../../model/config.ts';
import type { Plan } from '../../model/plan.ts';
import { replacesAnother } from '../../config/drift.ts';
import type { Rule } from './rule.ts';
import { isEjected } from '../../cloud-init/seed-drive.ts';
import { act } from './rule.ts';
import { refuse } from '../../../shared/plan/rule.ts';

export const configure: Rule = (want, { presence, change, seedVolume, digests }) => {
  if (!want.exists || presence.kind !== 'seen' || change === undefined) return undefined;
  if (change.seedProblem) return refuse(change.seedProblem.reason, change.seedProblem.message, 60_000);
  if (replacesAnother(digests)) return act({ do: 'clearApplied' });
  return (
    (change.seed && uploadFirst(change.seed, seedVolume)) ??
    act({ do: 'configure', change, digest: presence.guest.digest })
  );
};

/** The image holds secrets: it goes as soon as nothing has it any more. */
export const dropSeed: Rule = (want, { presence, change, seedVolume }) => {
  if (!want.exists || presence.kind !== 'seen' || change !== undefined || seedVolume === undefined)
    return undefined;
  return isEjected(seedVolume, presence.guest) ? act({ do: 'deleteSeed', volume: seedVolume }) : undefined;
};

/** The image holds secrets: its name is in our status before it exists, so that it is deleted whatever happens. */
function uploadFirst(seed: SeedImage, seedVolume: string | undefined): Plan | undefined {
  if (!seed.noted && seedVolume !== undefined) return act({ do: 'deleteSeed', volume: seedVolume });
  if (!seed.noted) return act({ do: 'recordSeed', volume: seed.volume });
  return seed.uploaded ? undefined : act({ do: 'uploadSeed', seed });
}
