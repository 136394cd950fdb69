/**
 * What belongs to the boot disk follows it to the storage to which the spec moves it: the EFI disk, the TPM state and
 * PVE's cloud-init drive. What was on another storage before stays there. Pure.
 */
import { parseDisk, parseVolumeId } from '../../../src/pve/index.ts';
import { cloudInitDrives, type RootDisk } from '../../shared/guests/disks.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { DesiredRootDisk, RecordedDisk } from '../model/disks.ts';
import { moveStep, type Site } from './maintain.ts';
import { differenceOf, type DiskOutcome } from './removal.ts';
import { ROOT } from './slots.ts';

/** The schema of the status takes no more. */
const MAX_STORAGES = 8;

interface Follower {
  readonly device: string;
  readonly what: string;
  /** It is moved only while the guest is off. */
  readonly needsOff?: boolean;
  /** PVE writes it again at each start, so where it is matters to nobody meanwhile. */
  readonly unreported?: boolean;
}

/** The boot disk as it is, as the spec says, and as status has it. */
export interface Root {
  readonly root: Pick<RootDisk, 'storage'>;
  readonly desired: DesiredRootDisk | undefined;
  readonly recorded: readonly RecordedDisk[];
  /** It was applied as the spec says: if it is elsewhere, or was, somebody else moved it. */
  readonly movedByOthers: boolean;
}

function followersOf({ config }: Guest): Follower[] {
  return [
    ...('efidisk0' in config ? [{ device: 'efidisk0', what: 'The EFI disk' }] : []),
    // PVE does not mirror it (qemu-server, QemuServer.pm, clone_disk).
    ...('tpmstate0' in config ? [{ device: 'tpmstate0', what: 'The TPM state', needsOff: true }] : []),
    // PVE copies no data to a running guest's new drive, and QEMU keeps the old volume open (same place).
    ...cloudInitDrives(config).map((device) => ({
      device,
      what: 'The cloud-init drive',
      needsOff: true,
      unreported: true,
    })),
  ];
}

const storageOf = ({ config }: Guest, device: string): string | undefined =>
  parseVolumeId(parseDisk(config[device] ?? '').volume)?.storage;

/** The storages on which the boot disk left something behind when the spec moved it. */
export function movedFrom({ root, desired, recorded, movedByOthers }: Root, guest: Guest): readonly string[] {
  const before = recorded.find(({ name }) => name === ROOT);
  const arrived = desired?.storageClass !== undefined && desired.storageClass === root.storage;
  const all = [
    ...(before?.movedFrom ?? []),
    ...(arrived && !movedByOthers && before?.storage !== undefined ? [before.storage] : []),
  ];
  const left = new Set(followersOf(guest).map(({ device }) => storageOf(guest, device)));
  return [...new Set(all)]
    .filter((storage) => storage !== root.storage && left.has(storage))
    .slice(-MAX_STORAGES);
}

/** @param from the storages of `movedFrom` */
export function followRoot(
  { root: { storage }, desired }: Pick<Root, 'root' | 'desired'>,
  from: readonly string[],
  guest: Guest,
  { storages }: Pick<Site, 'storages'>,
): DiskOutcome[] {
  if (storage === undefined || (desired?.storageClass ?? storage) !== storage) return [];
  return followersOf(guest).map((follower): DiskOutcome => {
    const { device, what, needsOff = false, unreported = false } = follower;
    const now = storageOf(guest, device);
    if (now === undefined || !from.includes(now)) return {};
    const stays = `${what} is on storage ${now}, but the boot disk was moved to ${storage}`;
    const { steps = [], waits } =
      needsOff && guest.running
        ? { waits: `${stays}. ${ONLY_WHILE_OFF}` }
        : moveStep(stays, { name: device, device, storage }, guest, storages);
    return { steps, ...(waits !== undefined && !unreported && differenceOf([waits])) };
  });
}

const ONLY_WHILE_OFF = 'Proxmox VE moves it only while the VM is off, so it follows when the VM is stopped.';
