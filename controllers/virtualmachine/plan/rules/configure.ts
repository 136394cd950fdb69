/** Changes the guest's configuration to the desired one, writing only the keys that differ. */
import type { SeedImage } from '../../model/config.ts';
import type { Observed } from '../../model/observed.ts';
import type { RuleResult } from '../../model/plan.ts';
import { replacesAnother } from '../../config/drift.ts';
import type { Rule } from './rule.ts';
import { isEjected } from '../../cloud-init/seed-drive.ts';
import { act } from './rule.ts';
import { refuse } from '../../../shared/plan/rule.ts';

export const configure: Rule = (want, { presence, change, unrecordedNics, seedVolume, parts, cdroms }) => {
  if (!want.exists || presence.kind !== 'seen') return undefined;
  // First of all: until its device is recorded, the drive with cloud-init data could be put there.
  if (cdroms?.unrecorded) return act({ do: 'recordCdroms' });
  if (change === undefined) return undefined;
  if (change.seedProblem) return refuse(change.seedProblem.reason, change.seedProblem.message, 60_000);
  if (replacesAnother(parts)) return act({ do: 'clearApplied' });
  // Recorded first: what we set and forgot would stay forever.
  if (unrecordedNics) return act({ do: 'recordNetworks' });
  return (
    (change.seed && uploadFirst(change.seed, seedVolume)) ??
    act({ do: 'configure', change, digest: presence.guest.digest })
  );
};

/** The image holds secrets: it is deleted as soon as no drive has it any more, and none of a snapshot. */
export const removeSeed: Rule = (want, have) => {
  const { presence, change, seedVolume } = have;
  if (!want.exists || presence.kind !== 'seen' || change !== undefined || seedVolume === undefined)
    return undefined;
  if (isKept(have)) return undefined;
  return isEjected(seedVolume, presence.guest) ? act({ do: 'deleteSeed', volume: seedVolume }) : undefined;
};

/** The snapshot that contained it exists, as far as is known. */
const isKept = ({ seedKeptBy, listedSnapshots }: Pick<Observed, 'seedKeptBy' | 'listedSnapshots'>): boolean =>
  seedKeptBy !== undefined && listedSnapshots?.some(({ name }) => name === seedKeptBy) !== false;

/** Its name is in our status before the image exists, so that it is deleted in every case. */
function uploadFirst(seed: SeedImage, seedVolume: string | undefined): RuleResult | undefined {
  if (!seed.recorded && seedVolume !== undefined)
    return act({ do: 'deleteSeed', volume: seedVolume, replaced: true });
  if (!seed.recorded) return act({ do: 'recordSeed', volume: seed.volume });
  return seed.uploaded ? undefined : act({ do: 'uploadSeed', seed });
}
