/** The drive that carries an image of ours: while it serves, and when it has. Pure. */
import { parseDisk } from '../../../src/pve/index.ts';
import type { VirtualMachine, VirtualMachineInternal } from '../../../src/api/index.ts';
import { minutes } from '../../../src/lib/units.ts';
import type { CloudInitPlan } from '../model/cloud-init.ts';
import type { Keys } from '../../shared/guests/keys.ts';
import type { Guest } from '../../shared/guests/model.ts';

type Handed = VirtualMachineInternal['cloudInit'];

/** A guest that has run for so long has read its image, whether or not an agent says so. */
export const SERVED_AFTER = minutes(15);

/** Stays in place of the image: PVE cannot unplug an IDE drive from a running guest, and an empty one keeps nothing from moving. */
const EMPTY = 'none,media=cdrom';
const DRIVE = /^(ide|sata|scsi)\d+$/;

/** Devices that carry an image of ours, with its volume. A rollback may bring one back that was deleted long ago. */
export function seedDrives({ config, vmid }: Guest): { readonly device: string; readonly volume: string }[] {
  const ours = new RegExp(`:iso/virtrigaud-${vmid}-[0-9a-f]+\\.iso$`);
  return Object.entries(config)
    .filter(([device]) => DRIVE.test(device))
    .map(([device, text]) => ({ device, volume: parseDisk(text).volume }))
    .filter(({ volume }) => ours.test(volume));
}

/** Epoch ms of the start of what runs. */
const startOf = ({ running, uptimeMs }: Guest, now: number): number | undefined =>
  running && uptimeMs !== undefined ? now - uptimeMs : undefined;

/** The guest was started after it was last handed something, which for a new one is before its first start. */
export function bootedSince(handed: Handed, guest: Guest, now: number): boolean {
  const start = startOf(guest, now);
  return start !== undefined && (handed?.deliveredAt === undefined || start > Date.parse(handed.deliveredAt));
}

/** It runs, and does not know yet what it was handed. */
export const awaitsBoot = (handed: Handed, guest: Guest, now: number): boolean =>
  handed?.deliveredAt !== undefined && guest.running && !bootedSince(handed, guest, now);

/** The drives that are to be emptied. */
export function ejections(
  vm: VirtualMachine,
  guest: Guest,
  { plan, now }: { readonly plan: CloudInitPlan | undefined; readonly now: number },
): Keys {
  const handed = vm.status?.internal?.cloudInit;
  const long = bootedSince(handed, guest, now) && (guest.uptimeMs ?? 0) >= SERVED_AFTER;
  const serves = (volume: string): boolean =>
    volume === handed?.volume &&
    handed.consumed !== true &&
    !long &&
    (plan?.seed === undefined || plan.seed.volume === volume);
  const done = seedDrives(guest).filter(({ volume }) => !serves(volume));
  return { set: Object.fromEntries(done.map(({ device }) => [device, EMPTY])), delete: [] };
}

/** Neither the configuration nor what still runs has the image. */
export const isEjected = (volume: string, { config, pending }: Guest): boolean =>
  [...Object.values(config), ...pending.map(({ current = '' }) => current)].every(
    (text) => !text.includes(volume),
  );

/** What it was handed counts among the changes that wait for the next start. */
export const withAwaitedBoot = (vm: VirtualMachine, guest: Guest, now: number): Guest =>
  awaitsBoot(vm.status?.internal?.cloudInit, guest, now)
    ? { ...guest, pending: [...guest.pending, { key: 'cloud-init', pending: 'new data' }] }
    : guest;
