/** Devices of CD-ROM drives. A device is chosen once, recorded in status, and kept by the drive of that name. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import { parseDisk } from '../../../src/pve/index.ts';
import { isDrive } from '../../shared/guests/disks.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { DesiredCdrom, RecordedCdrom } from '../model/cdroms.ts';

export type Drives = Pick<Guest, 'config' | 'pending'>;

const range = (bus: string, count: number): string[] => Array.from({ length: count }, (_, n) => `${bus}${n}`);

/**
 * Every installer reads IDE and SATA. `ide2` is where Proxmox VE puts its cloud-init drive, and the other IDE slots do
 * not work with machine type q35 before Proxmox VE 9 (qemu-server, print_drivedevice_full).
 */
const SLOTS = ['ide0', ...range('sata', 6), 'ide2', 'ide1', 'ide3'];
/** Machines of ARM have neither; disks take the lowest. */
const ARM_SLOTS = range('scsi', 31).toReversed();

export const NO_DRIVES: Drives = { config: {}, pending: [] };

export const recordedCdroms = ({ status }: VirtualMachine): readonly RecordedCdrom[] => status?.cdroms ?? [];

/** A CD drive that does not hold cloud-init data made by Proxmox VE. */
export function isCdrom({ config }: Pick<Drives, 'config'>, device: string): boolean {
  const { cdrom, cloudInit } = parseDisk(config[device] ?? '');
  return cdrom && !cloudInit;
}

const holds = ({ config }: Drives, device: string, volume: string): boolean =>
  parseDisk(config[device] ?? '').volume === volume;

/** Neither in use now nor from the next start on. */
const isFree = ({ config, pending }: Drives, device: string): boolean =>
  config[device] === undefined && pending.every(({ key }) => key !== device);

/** The device of each drive of the spec, by name. One without a device does not fit into the guest. */
export function cdromDevices(
  vm: VirtualMachine,
  desired: readonly DesiredCdrom[],
  drives: Drives,
): ReadonlyMap<string, string> {
  const recorded = recordedCdroms(vm);
  const assigned = new Map<string, string>();
  for (const { name } of desired) {
    const device = recorded.find((each) => each.name === name)?.device;
    if (device !== undefined && (isCdrom(drives, device) || isFree(drives, device)))
      assigned.set(name, device);
  }
  for (const { name, volume } of desired) {
    if (assigned.has(name)) continue;
    const device = newDevice(vm, volume, { drives, taken: new Set(assigned.values()) });
    if (device !== undefined) assigned.set(name, device);
  }
  return assigned;
}

/** A drive that has the image, that of an entry that left the spec, an empty one, or a new one. */
function newDevice(
  vm: VirtualMachine,
  volume: string | undefined,
  { drives, taken }: { readonly drives: Drives; readonly taken: ReadonlySet<string> },
): string | undefined {
  const { disks = [], internal } = vm.status ?? {};
  const kept = new Set([...disks.map(({ device }) => device), internal?.cloudInit?.device, ...taken]);
  const present = Object.keys(drives.config).filter(
    (key) => isDrive(key) && isCdrom(drives, key) && !kept.has(key),
  );
  const left = recordedCdroms(vm).map(({ device }) => device);
  const slots = drives.config['arch'] === 'aarch64' ? ARM_SLOTS : SLOTS;
  return (
    present.find((device) => volume !== undefined && holds(drives, device, volume)) ??
    present.find((device) => left.includes(device)) ??
    present.find((device) => holds(drives, device, 'none')) ??
    slots.find((device) => isFree(drives, device) && !kept.has(device))
  );
}
