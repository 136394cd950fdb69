/** The boot order of the spec as PVE's key `boot`. PVE writes it at once, and QEMU reads it at the next start. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import { parseBootOrder } from '../../../src/pve/index.ts';
import { rootDiskOf } from '../../shared/guests/disks.ts';
import { NO_KEYS, type Keys } from '../../shared/guests/keys.ts';
import type { BootDevice } from '../model/cdroms.ts';
import type { Desired } from '../model/desired.ts';
import { devicesOf } from '../networks/devices.ts';
import { leavingDrives } from './drives.ts';
import { cdromDevices, type Drives } from './slots.ts';

type Wanted = Extract<Desired, { exists: true }>;

/**
 * The devices in order, as far as the guest has them: PVE refuses an order that names others. The boot disk is always
 * among them, since by the order it is known which disk it is.
 * @param written keys of the same write
 */
export function bootDevices(
  vm: VirtualMachine,
  want: Wanted,
  drives: Drives,
  written: Keys['set'],
): readonly string[] | undefined {
  const { boot, cdroms = [] } = want;
  if (boot === undefined) return undefined;
  const root = rootDiskOf(drives.config)?.key;
  const networks = devicesOf(vm, want, drives.config);
  const images = cdromDevices(vm, cdroms, drives);
  const deviceOf = ({ cdrom, network }: BootDevice): string | undefined => {
    if (cdrom !== undefined) return images.get(cdrom);
    return network === undefined ? root : networks.get(network);
  };
  const named = [...boot.map(deviceOf), root].filter((device) => device !== undefined);
  return [...new Set(named)].filter(
    (device) => drives.config[device] !== undefined || written[device] !== undefined,
  );
}

export function bootKeys(vm: VirtualMachine, want: Wanted, drives: Drives, written: Keys['set']): Keys {
  const devices = bootDevices(vm, want, drives, written);
  if (devices === undefined || devices.length === 0) return NO_KEYS;
  // PVE takes them out of the order when they are removed. Until then nothing is in them to boot from.
  const leaving = leavingDrives(vm, want, drives).map(({ device }) => device);
  const now = (parseBootOrder(drives.config['boot'] ?? '') ?? []).filter(
    (device) => !leaving.includes(device),
  );
  const order = devices.join(';');
  return order === now.join(';') ? NO_KEYS : { set: { boot: `order=${order}` }, delete: [] };
}

/** Entries that name what the spec does not have: a sentence each. */
export const bootIgnored = ({ spec: { boot = [], cdroms = [], networks = [] } }: VirtualMachine): string[] =>
  boot.flatMap(({ cdrom, network }) => {
    if (cdrom !== undefined && !cdroms.some(({ name }) => name === cdrom))
      return [`spec.boot names the CD-ROM drive ${cdrom}, which spec.cdroms does not have: it is skipped.`];
    return network !== undefined && !networks.some(({ name }) => name === network)
      ? [`spec.boot names the network ${network}, which spec.networks does not have: it is skipped.`]
      : [];
  });
