/** What is left to do on a disk that exists: growing and moving it. Pure. */
import { parseDisk, parseVolumeId } from '../../../src/pve/index.ts';
import { formatQuantity } from '../../../src/lib/quantity.ts';
import type { Bytes } from '../../../src/lib/units.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Bus, DiskOptions } from '../model/disks.ts';
import type { StorageFacts } from '../model/surroundings.ts';
import { differenceOf, type DiskOutcome } from './removal.ts';
import { allocatedSize, compareSizes } from './rounding.ts';
import { busOf, supportedOptions, unsupportedSentences } from './support.ts';

/** What decides where a disk is. */
export interface Site {
  readonly storages: readonly StorageFacts[];
  /** The disk was applied before: whatever differs was changed by somebody else, and is left so. */
  readonly isApplied: boolean;
}

/** The current value of a device; `undefined` if the device is attached at the next start. */
export function inForce({ config, pending }: Guest, key: string): string | undefined {
  const row = pending.find((each) => each.key === key);
  return row ? row.current : config[key];
}

/** An existing disk and its spec. */
interface ExistingDisk {
  readonly name: string;
  readonly device: string;
  /** The current value; `undefined` if the disk is attached at the next start. */
  readonly text: string | undefined;
  readonly size: Bytes | undefined;
  /** The storage that the spec names. */
  readonly storage: string | undefined;
  readonly bus: Bus | undefined;
  readonly options: DiskOptions;
}

export function maintainDisk(what: string, disk: ExistingDisk, guest: Guest, context: Site): DiskOutcome {
  const grown = growDisk(what, disk, guest, context);
  const moved = moveDisk(what, disk, guest, context);
  const { device, bus, options } = disk;
  const drive = { device, text: guest.config[device] ?? '' };
  return {
    steps: [...(grown.steps ?? []), ...(moved.steps ?? [])],
    ...(moved.waits !== undefined && { waits: moved.waits }),
    ...differenceOf([
      ...[grown.difference, moved.difference].filter((text) => text !== undefined),
      ...(bus === undefined || busOf(device) === bus ? [] : [onAnotherBus(what, device, bus)]),
      ...unsupportedSentences(what, drive, supportedOptions(options, drive, guest.config)),
    ]),
  };
}

const onAnotherBus = (what: string, device: string, bus: Bus): string =>
  `${what} is ${device}, but the spec says bus ${bus}. The bus is chosen only when a disk is created: remove bus from the disk, or set it to ${busOf(device)}.`;

function moveDisk(
  what: string,
  { name, device, text, storage }: ExistingDisk,
  guest: Guest,
  { storages, isApplied }: Site,
): DiskOutcome {
  const now = text === undefined ? undefined : parseVolumeId(parseDisk(text).volume)?.storage;
  if (storage === undefined || now === undefined || now === storage) return {};
  const stays = `${what} is on storage ${now}, but the spec says ${storage}`;
  if (isApplied)
    return {
      difference: `${stays}. It was moved in Proxmox VE and stays there. Change the spec, or move it back.`,
    };
  return moveStep(stays, { name, device, storage }, guest, storages);
}

/** The move, or why it waits. @param stays where the volume is and should be */
export function moveStep(
  stays: string,
  { name, device, storage }: { readonly name: string; readonly device: string; readonly storage: string },
  { node, config, digest, pending }: Guest,
  storages: readonly StorageFacts[],
): DiskOutcome {
  // PVE moves the current volume, and the pending change would then name a deleted one (qemu-server, move_vm_disk).
  if (pending.some(({ key }) => key === device))
    return { waits: `${stays}. It is moved after the restart that applies its pending changes.` };
  // PVE does not move a disk that has snapshots (qemu-server, API2/Qemu.pm, move_vm_disk).
  if (config['parent'] !== undefined)
    return { waits: `${stays}. It is moved once the VM has no snapshots. Delete the snapshots.` };
  const at = storages.find((each) => each.node === node && each.storage === storage);
  return at?.status === 'available' && at.content.includes('images')
    ? { steps: [{ do: 'moveDisk', name, disk: device, storage, digest }] }
    : { waits: `${stays}. Storage ${storage} is not available for disks on node ${node}.` };
}

function growDisk(
  what: string,
  { device, text, size }: Pick<ExistingDisk, 'device' | 'text' | 'size'>,
  { node, digest }: Guest,
  { storages }: Site,
): DiskOutcome {
  const { volume = '', size: now } = text === undefined ? {} : parseDisk(text);
  if (size === undefined || now === undefined) return {};
  const type = storageTypeOf(volume, node, storages);
  switch (compareSizes(now, size, type)) {
    case 'smaller':
      return { steps: [{ do: 'growDisk', disk: device, to: allocatedSize(size, type), digest }] };
    case 'larger':
      return {
        difference: `${what} has ${formatQuantity(now)}, but the spec says ${formatQuantity(size)}. Proxmox VE cannot shrink disks. Increase the size in the spec.`,
      };
    case 'equal':
      return {};
  }
}

/** The type of the storage that holds the volume. */
export const storageTypeOf = (
  volume: string,
  node: Guest['node'],
  storages: readonly StorageFacts[],
): string | undefined => {
  const storage = parseVolumeId(volume)?.storage;
  return storages.find((each) => each.node === node && each.storage === storage)?.type;
};
