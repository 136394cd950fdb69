/**
 * The slot of the drive with cloud-init data. What a slot holds is known before anything is written into it: a disk, or
 * a foreign CD, is never replaced. Pure.
 */
import type { VirtualMachine } from '../../../src/api/index.ts';
import type { Result } from '../../../src/lib/result.ts';
import { parseDisk } from '../../../src/pve/index.ts';
import { cloudInitDrives, driveWith } from '../../shared/guests/disks.ts';
import type { Guest } from '../../shared/guests/model.ts';
import { copiedImages } from '../config/copied.ts';

const range = (bus: string, indexes: readonly number[]): string[] => indexes.map((n) => `${bus}${n}`);
const upTo = (last: number, first = 0): number[] =>
  Array.from({ length: last - first + 1 }, (_, n) => first + n);

/**
 * The slots of each bus, in the order in which they are tried. `ide2` is where PVE's own interface puts the drive;
 * `scsi0` is for boot disks: PVE boots from it by default. `virtio` takes no CDs.
 */
const SLOTS = {
  ide: range('ide', [2, 0, 3, 1]),
  sata: range('sata', upTo(5)),
  scsi: range('scsi', upTo(30, 1)),
} as const;

type Bus = keyof typeof SLOTS;
const BUSES: readonly Bus[] = ['ide', 'sata', 'scsi'];

const busOf = (device: string): Bus | undefined => BUSES.find((bus) => device.startsWith(bus));

/** The device for the drive, or why there is none. */
export function driveSlot(vm: VirtualMachine, guest: Guest): Result<string> {
  const own = ownDevice(vm, guest);
  if (own !== undefined) return { value: own };
  const recorded = vm.status?.internal?.cloudInit?.device;
  const buses = busesFor(guest, recorded);
  const all = [...(recorded === undefined ? [] : [recorded]), ...buses.flatMap((bus) => SLOTS[bus])];
  const copied = copiedImages(vm, guest);
  const kept = recordedDevices(vm);
  const others = all.filter((device) => !kept.has(device));
  const chosen =
    others.find((device) => device === recorded && isUsable(guest, device)) ??
    others.find((device) => copied.includes(device)) ??
    others.find((device) => isEmptyCd(guest, device)) ??
    others.find((device) => isFree(guest, device));
  return chosen === undefined ? { problem: noSlot(guest, buses) } : { value: chosen };
}

/** Disks and drives that are there, or about to be made. */
const recordedDevices = ({ status: { disks = [], cdroms = [] } = {} }: VirtualMachine): ReadonlySet<string> =>
  new Set([...disks, ...cdroms].map(({ device }) => device));

/** The drive with our image, or PVE's own. */
function ownDevice({ status }: VirtualMachine, { config }: Guest): string | undefined {
  const volume = status?.internal?.cloudInit?.volume;
  return (volume === undefined ? undefined : driveWith(config, volume)) ?? cloudInitDrives(config)[0];
}

/**
 * The buses that the guest's system can read: it read its first data from one of them. Cloud kernels without drivers
 * for IDE and machines of ARM, which have neither IDE nor SATA, find no drive elsewhere.
 */
function busesFor({ config, pending }: Guest, recorded: string | undefined): readonly Bus[] {
  const leaving = pending.find(({ current }) => current !== undefined && parseDisk(current).cloudInit);
  const known = busOf(recorded ?? leaving?.key ?? '');
  if (known !== undefined) return [known];
  return config['arch'] === 'aarch64' ? ['scsi'] : BUSES;
}

/** Neither in use now nor from the next start on. */
const isFree = ({ config, pending }: Guest, device: string): boolean =>
  config[device] === undefined && pending.every(({ key }) => key !== device);

function isEmptyCd({ config }: Guest, device: string): boolean {
  const { cdrom, volume } = parseDisk(config[device] ?? '');
  return cdrom && volume === 'none';
}

const isUsable = (guest: Guest, device: string): boolean => isEmptyCd(guest, device) || isFree(guest, device);

const noSlot = ({ vmid }: Guest, buses: readonly Bus[]): string =>
  `VM ${vmid} has no free slot for a drive with the cloud-init data: every slot of ${buses.join(', ')} holds a disk or a CD. ` +
  'The operator replaces neither. Detach one of them in Proxmox VE, or eject a CD.';
