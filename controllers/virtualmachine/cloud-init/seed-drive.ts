/** The drive with the cloud-init image, and when its image is ejected. Pure. */
import { parseDisk } from '../../../src/pve/index.ts';
import type { VirtualMachine, VirtualMachineInternal } from '../../../src/api/index.ts';
import { minutes } from '../../../src/lib/units.ts';
import type { CloudInitPlan } from '../model/cloud-init.ts';
import type { Keys } from '../../shared/guests/keys.ts';
import type { Guest } from '../../shared/guests/model.ts';

type CloudInitStatus = VirtualMachineInternal['cloudInit'];

/** A guest that has run this long has read its image, even if no guest agent answers. */
export const CONSUMED_AFTER = minutes(15);

/** Replaces the image: PVE cannot unplug an IDE drive from a running guest, and an empty drive does not block migration. */
export const EMPTY = 'none,media=cdrom';
/** The pending change that stands for data which the guest has not read. No option of Proxmox VE has this name. */
export const NEW_DATA = 'cloud-init';
const DRIVE = /^(ide|sata|scsi)\d+$/;

/** Devices with an image of the operator. A rollback may bring back a drive whose image was ejected, or deleted. */
export function seedDrives({ config, vmid }: Guest): { readonly device: string; readonly volume: string }[] {
  const ours = new RegExp(`:iso/virtrigaud-${vmid}-[0-9a-f]+\\.iso$`);
  return Object.entries(config)
    .filter(([device]) => DRIVE.test(device))
    .map(([device, text]) => ({ device, volume: parseDisk(text).volume }))
    .filter(({ volume }) => ours.test(volume));
}

/** The start of the running guest in epoch ms. */
const startOf = ({ running, uptimeMs }: Guest, now: number): number | undefined =>
  running && uptimeMs !== undefined ? now - uptimeMs : undefined;

/** Whether the guest was started after the last delivery. A new guest gets its data before its first start. */
export function hasBootedSince(delivered: CloudInitStatus, guest: Guest, now: number): boolean {
  const start = startOf(guest, now);
  return (
    start !== undefined && (delivered?.deliveredAt === undefined || start > Date.parse(delivered.deliveredAt))
  );
}

/** Whether the guest runs and has not read the delivered data. */
export const awaitsBoot = (delivered: CloudInitStatus, guest: Guest, now: number): boolean =>
  delivered?.deliveredAt !== undefined && guest.running && !hasBootedSince(delivered, guest, now);

/** Whether a rollback brought the image back into its drive: it was kept because it was in none. */
export const isImageBack = (delivered: CloudInitStatus, guest: Guest): boolean =>
  delivered?.keptBy !== undefined && seedDrives(guest).some(({ volume }) => volume === delivered.volume);

export interface EjectionFacts {
  readonly plan: CloudInitPlan | undefined;
  /** Volumes on the storage of the image. Absent: they were not read. */
  readonly images?: readonly string[] | undefined;
  /** Epoch ms. */
  readonly now: number;
}

/** The keys that eject images which are no longer in use. */
export function ejections(vm: VirtualMachine, guest: Guest, { plan, images, now }: EjectionFacts): Keys {
  const delivered = vm.status?.internal?.cloudInit;
  const isOverdue = hasBootedSince(delivered, guest, now) && (guest.uptimeMs ?? 0) >= CONSUMED_AFTER;
  const isInUse = (volume: string): boolean =>
    volume === delivered?.volume &&
    isWanted(delivered, { volume, images }) &&
    !isOverdue &&
    (plan?.seed === undefined || plan.seed.volume === volume);
  const done = seedDrives(guest).filter(({ volume }) => !isInUse(volume));
  return { set: Object.fromEntries(done.map(({ device }) => [device, EMPTY])), delete: [] };
}

/** The restored disks may be those of a guest that has not read its image yet. One that is gone keeps a guest from starting. */
const isWanted = (
  { keptBy, consumed }: NonNullable<CloudInitStatus>,
  { volume, images }: { readonly volume: string; readonly images: readonly string[] | undefined },
): boolean => (keptBy === undefined ? consumed !== true : images?.includes(volume) !== false);

/** Whether neither the configuration nor a pending change contains the image. */
export const isEjected = (volume: string, { config, pending }: Guest): boolean =>
  [...Object.values(config), ...pending.map(({ current = '' }) => current)].every(
    (text) => !text.includes(volume),
  );

/** Adds delivered data that the guest has not read to the pending changes. */
export const withAwaitedBoot = (vm: VirtualMachine, guest: Guest, now: number): Guest =>
  awaitsBoot(vm.status?.internal?.cloudInit, guest, now)
    ? { ...guest, pending: [...guest.pending, { key: NEW_DATA, pending: 'new data' }] }
    : guest;
