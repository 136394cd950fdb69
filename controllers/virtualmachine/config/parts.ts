/**
 * The parts of a VM's settings: each is applied, waits or drifts by itself. `settings` is everything that has no part of
 * its own. Pure.
 */
import type { VirtualMachine } from '../../../src/api/index.ts';
import { cdromDevices } from '../cdroms/slots.ts';
import { diskDevices } from '../disks/behaviour.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Keys } from '../../shared/guests/keys.ts';
import type { Desired } from '../model/desired.ts';
import { isDeviceKey } from './devices.ts';
import { isRestricted } from './hardware-options.ts';
import { devicesOf } from '../networks/devices.ts';

type Wanted = Extract<Desired, { exists: true }>;

/** One network interface. Which ones there are is the part `networks`. */
export const networkPart = (name: string): string => `network ${name}`;

/** Whether a disk exists, its size and its storage. */
export const diskPart = (name: string): string => `disk ${name}`;

/** Devices of the node. */
export const DEVICES = 'devices';

export const optionsPart = (name: string): string => `options of disk ${name}`;

/** The image in a CD-ROM drive. */
export const cdromPart = (name: string): string => `cdrom ${name}`;

export const BOOT_PART = 'boot order';

/** The part that a key of the guest's configuration belongs to. */
export type PartOf = (key: string) => string;

export function partOfKey(vm: VirtualMachine, want: Wanted, guest: Guest): PartOf {
  const networks = new Map([...devicesOf(vm, want, guest.config)].map(([name, device]) => [device, name]));
  const disks = diskDevices(vm, want, guest);
  const cdroms = new Map(
    [...cdromDevices(vm, want.cdroms ?? [], guest)].map(([name, device]) => [device, name]),
  );
  return (key) => {
    const network = networks.get(key);
    if (network !== undefined) return networkPart(network);
    const disk = disks.get(key);
    if (disk !== undefined) return optionsPart(disk);
    const cdrom = cdroms.get(key);
    if (cdrom !== undefined) return cdromPart(cdrom);
    if (key === 'boot' && want.boot) return BOOT_PART;
    if (isRestricted(key)) return key;
    if (isDeviceKey(key)) return DEVICES;
    return /^net\d+$/.test(key) ? 'networks' : 'settings';
  };
}

export const keysOf = (keys: Keys): readonly string[] => [...Object.keys(keys.set), ...keys.delete];
