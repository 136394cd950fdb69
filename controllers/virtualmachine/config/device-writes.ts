/**
 * Options of existing drives and network interfaces, and hardware that only some users may set, are written apart from
 * the rest of the configuration, each key alone: PVE checks them by bus, storage, bridge, user and version, and refuses a
 * request as a whole. Pure.
 */
import { asSentence } from '../../../src/lib/sentence.ts';
import { parseDisk } from '../../../src/pve/index.ts';
import { isDrive } from '../../shared/guests/disks.ts';
import { limitedTo, nonEmpty } from '../../shared/guests/keys.ts';
import type { Guest, NicDevice } from '../../shared/guests/model.ts';
import type { BestEffortWrite, ConfigChange } from '../model/config.ts';
import type { Observed } from '../model/observed.ts';
import type { RefusedWrites } from '../model/process-state.ts';
import { isRecent, lastRefusal } from './best-effort.ts';
import { isDeviceKey } from './devices.ts';
import { isRestricted } from './hardware-options.ts';

const isNic = (key: string): key is NicDevice => /^net\d+$/.test(key);

/** The same volume with other options: not a drive that is replaced, ejected or made. */
function isOptionsOnly(before: string | undefined, after: string): boolean {
  if (before === undefined) return false;
  const { volume, cdrom } = parseDisk(before);
  return !cdrom && volume === parseDisk(after).volume;
}

interface Context {
  readonly refusedWrites: RefusedWrites;
  /** Its first configuration is one write: a new guest is not started without the interfaces of its spec. */
  readonly isNew: boolean;
  readonly now: number;
}

/** Splits what is to be changed. */
export function separateDevices(
  change: ConfigChange | undefined,
  { config }: Pick<Guest, 'config'>,
  { refusedWrites, isNew, now }: Context,
): Pick<Observed, 'change' | 'devices'> {
  if (!change) return { change };
  const alone = [
    ...Object.entries(change.set).map(([key, value]) => ({ key, value: String(value) })),
    ...change.delete.map((key) => ({ key, value: undefined })),
  ].flatMap(({ key, value }): BestEffortWrite[] => {
    if (isNic(key)) return isNew ? [] : [{ key, value }];
    if (isRestricted(key) || isDeviceKey(key)) return [{ key, value }];
    return isDrive(key) && value !== undefined && isOptionsOnly(config[key], value) ? [{ key, value }] : [];
  });
  if (alone.length === 0) return { change };
  const others = limitedTo(change, (key) => !alone.some((write) => write.key === key));
  const refusalOf = (write: BestEffortWrite): string | undefined => {
    const last = lastRefusal(write, refusedWrites);
    return last && isRecent(last, now) ? refusalMessage(write.key, last.pveMessage) : undefined;
  };
  return {
    change: change.seedProblem ? change : nonEmpty(others),
    devices: {
      writes: alone.filter((write) => refusalOf(write) === undefined),
      refused: alone.flatMap((write) => refusalOf(write) ?? []),
    },
  };
}

const HARDWARE_FIELDS = { hugepages: 'hugepages', rng0: 'rng' } as const;

const AGAIN_SENTENCE = 'the operator tries it again every 10 minutes.';

/** @param pveMessage as PVE sent it */
function refusalMessage(key: string, pveMessage: string): string {
  const refused = `because Proxmox VE refused it: ${asSentence(pveMessage)}`;
  if (isRestricted(key))
    return `hardware.${HARDWARE_FIELDS[key]} of the class is not in effect, ${refused} Remove it from the class, or connect the Provider as a user who may set it (docs/permissions.md); ${AGAIN_SENTENCE}`;
  if (isDeviceKey(key))
    return `Device ${key} is not as the spec says, ${refused} Correct devices, or grant Mapping.Use on the resource mapping (docs/permissions.md); ${AGAIN_SENTENCE}`;
  return isNic(key)
    ? `Network interface ${key} is not changed as spec.networks says, ${refused} Correct the network, or grant what is missing; ${AGAIN_SENTENCE}`
    : `The options of disk ${key} in spec.disks are not in effect, because Proxmox VE refused them: ${asSentence(pveMessage)} Change them; the operator tries them again every 10 minutes.`;
}
