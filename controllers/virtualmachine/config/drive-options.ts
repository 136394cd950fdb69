/**
 * Options of existing drives are written apart from the rest of the configuration, each drive alone: PVE checks them by
 * bus, storage and version, and refuses a request as a whole. Pure.
 */
import { asSentence } from '../../../src/lib/sentence.ts';
import { parseDisk } from '../../../src/pve/index.ts';
import { isDrive } from '../../shared/guests/disks.ts';
import { nonEmpty, settingOnly } from '../../shared/guests/keys.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { BestEffortWrite, ConfigChange } from '../model/config.ts';
import type { Observed } from '../model/observed.ts';
import type { RefusedWrites } from '../model/process-state.ts';
import { isRecent, lastRefusal } from './best-effort.ts';

/** The same volume with other options: not a drive that is replaced, ejected or made. */
function isOptionsOnly(before: string | undefined, after: string): boolean {
  if (before === undefined) return false;
  const { volume, cdrom } = parseDisk(before);
  return !cdrom && volume === parseDisk(after).volume;
}

/** Splits what is to be changed. */
export function separateDrives(
  change: ConfigChange | undefined,
  { config }: Pick<Guest, 'config'>,
  { refusedWrites, now }: { readonly refusedWrites: RefusedWrites; readonly now: number },
): Pick<Observed, 'change' | 'drives'> {
  if (!change) return { change };
  const drives = Object.entries(change.set).flatMap(([key, value]): BestEffortWrite[] =>
    isDrive(key) && isOptionsOnly(config[key], String(value)) ? [{ key, value: String(value) }] : [],
  );
  if (drives.length === 0) return { change };
  const others = settingOnly(change, (key) => !drives.some((drive) => drive.key === key));
  const refusalOf = (drive: BestEffortWrite): string | undefined => {
    const last = lastRefusal(drive, refusedWrites);
    return last && isRecent(last, now) ? refusalMessage(drive.key, last.pveMessage) : undefined;
  };
  return {
    change: change.seedProblem ? change : nonEmpty(others),
    drives: {
      writes: drives.filter((drive) => refusalOf(drive) === undefined),
      refused: drives.flatMap((drive) => refusalOf(drive) ?? []),
    },
  };
}

/** @param pveMessage as PVE sent it */
const refusalMessage = (key: string, pveMessage: string): string =>
  `The options of disk ${key} in spec.disks are not in effect, because Proxmox VE refused them: ${asSentence(pveMessage)} Change them; the operator tries them again every 10 minutes.`;
