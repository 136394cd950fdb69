/**
 * Options of existing drives are written apart from the rest of the configuration, each drive alone: PVE checks them by
 * bus, storage and version, and refuses a request as a whole. Pure.
 */
import { parseDisk } from '../../../src/pve/index.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { BestEffortWrite, ConfigChange, DriveDevice } from '../model/config.ts';
import type { Observed } from '../model/observed.ts';
import type { RefusedWrites } from '../model/process-state.ts';
import { isRecent, lastRefusal } from './best-effort.ts';
import { nonEmpty } from './change.ts';

const DRIVE = /^(scsi|virtio|sata|ide)\d+$/;
const isDrive = (key: string): key is DriveDevice => DRIVE.test(key);

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
  const others = Object.entries(change.set).filter(([key]) => !drives.some((drive) => drive.key === key));
  const refusalOf = (drive: BestEffortWrite): string | undefined => {
    const last = lastRefusal(drive, refusedWrites);
    return last && isRecent(last, now) ? refusalMessage(drive.key, last.pveMessage) : undefined;
  };
  return {
    change: change.seedProblem ? change : nonEmpty({ ...change, set: Object.fromEntries(others) }),
    drives: {
      writes: drives.filter((drive) => refusalOf(drive) === undefined),
      refused: drives.flatMap((drive) => refusalOf(drive) ?? []),
    },
  };
}

/** @param pveMessage as PVE sent it */
const refusalMessage = (key: string, pveMessage: string): string =>
  `The options of disk ${key} in spec.disks are not in effect, because Proxmox VE refused them: ${pveMessage.replace(/\.?\s*$/, '.')} Change them; the operator tries them again every 10 minutes.`;
