import { failure } from './errors.ts';
import { bootOrder, freeUnused, isCdrom, isCloudInit, isDrive, isUnused, parseDrive } from './drives.ts';
import { typed } from './guest.ts';
import type { Drive } from './drives.ts';
import type { Config, Guest } from './guest.ts';
import type { World } from './world.ts';

/** Whether a snapshot of the guest uses the volume. */
export const inSnapshot = (guest: Guest, volid: string): boolean =>
  [...guest.snapshots.values()].some(({ config }) =>
    [...config].some(([key, value]) => (isDrive(key) || key === 'vmstate') && value.split(',')[0] === volid),
  );

/** Keeps a volume that no drive uses any more as `unusedN`, once. */
export function keepUnused(guest: Guest, drive: Drive): void {
  if (isCdrom(drive) || drive.file.startsWith('/') || drive.file === 'none') return;
  if ([...guest.config].some(([key, value]) => isUnused(key) && value === drive.file)) return;
  guest.config.set(freeUnused(guest.config), drive.file);
}

/** Removes a drive from the guest: its volume is destroyed or stays as unused. */
export function releaseDrive(world: World, guest: Guest, key: string, destroy: boolean): void {
  const value = guest.get(key);
  if (value === undefined) return;
  const drive = parseDrive(key, value);
  guest.config.delete(key);
  if (isCloudInit(drive)) world.storage.remove(drive.file, guest.node);
  else if (destroy && !isCdrom(drive)) destroyVolume(world, guest, drive.file);
  else keepUnused(guest, drive);
}

export function destroyVolume(world: World, guest: Guest, volid: string): void {
  if (inSnapshot(guest, volid))
    throw failure(`unable to delete '${volid}' - volume is still in use (snapshot?)`);
  world.storage.remove(volid, guest.node);
}

/** An attached volume is no longer unused. */
export function claimUnused(guest: Guest, value: string): void {
  const volid = value.split(',')[0];
  for (const [key, unused] of guest.config)
    if (/^unused\d+$/.test(key) && unused === volid) guest.config.delete(key);
}

/** A changed drive releases its former volume. */
function replaceDrive(world: World, guest: Guest, key: string, value: string): void {
  const old = guest.get(key);
  if (old !== undefined && old.split(',')[0] !== value.split(',')[0]) releaseDrive(world, guest, key, false);
  claimUnused(guest, value);
  guest.config.set(key, value);
}

/** Applies all pending changes; the guest is off. */
export function applyPending(world: World, guest: Guest): void {
  if (guest.pendingDelete.size === 0 && guest.pending.size === 0) return;
  for (const [key, force] of guest.pendingDelete) {
    if (isDrive(key)) releaseDrive(world, guest, key, force);
    else guest.config.delete(key);
  }
  for (const [key, value] of guest.pending) {
    if (isDrive(key)) replaceDrive(world, guest, key, value);
    else guest.config.set(key, value);
  }
  guest.pending.clear();
  guest.pendingDelete.clear();
  guest.written();
}

/** Removes pending entries that would change nothing. */
export function dropIdlePending(guest: Guest): void {
  for (const [key, value] of guest.pending) if (guest.get(key) === value) guest.pending.delete(key);
  for (const key of guest.pendingDelete.keys()) if (!guest.config.has(key)) guest.pendingDelete.delete(key);
}

const HIDDEN = '**********';

const shown = (key: string, value: string): string | number =>
  key === 'cipassword' ? HIDDEN : typed(key, value);

/** The configuration as GET shows it. */
export function showConfig(config: Config): Record<string, string | number> {
  return Object.fromEntries([...config].map(([key, value]) => [key, shown(key, value)]));
}

/** The configuration with the pending changes applied. */
export function mergedConfig(guest: Guest): Config {
  const merged = new Map([...guest.config, ...guest.pending]);
  for (const key of guest.pendingDelete.keys()) merged.delete(key);
  return merged;
}

/** The rows of GET pending. */
export function pendingRows(guest: Guest): readonly object[] {
  const rows: object[] = [...guest.config].map(([key, value]) => {
    const pending = guest.pending.get(key);
    const force = guest.pendingDelete.get(key);
    return {
      key,
      value: shown(key, value),
      ...(pending === undefined ? {} : { pending: shown(key, pending) }),
      ...(force === undefined ? {} : { delete: force ? 2 : 1 }),
    };
  });
  for (const [key, value] of guest.pending)
    if (!guest.config.has(key)) rows.push({ key, pending: shown(key, value) });
  return [...rows, { key: 'digest', value: guest.digest }];
}

/** The boot order that is or will be. */
export const plannedBootOrder = (guest: Guest): readonly string[] => bootOrder(mergedConfig(guest));
