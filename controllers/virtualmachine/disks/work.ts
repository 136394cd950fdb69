/** What is to be done about a guest's disks, and what status says of them. Pure. */
import { parseDisk, parseVolumeId } from '../../../src/pve/index.ts';
import { formatQuantity } from '../../../src/lib/quantity.ts';
import type { Bytes } from '../../../src/lib/units.ts';
import { assignSlots, placeOf, ROOT, type Place } from './slots.ts';
import { removalOf, type Piece } from './removal.ts';
import { rootDiskOf } from '../../shared/guests/disks.ts';
import { formatFor, newDriveText } from './drive.ts';
import type { DesiredDisk, DiskWork, RecordedDisk } from '../model/disks.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Desired } from '../model/desired.ts';
import type { StorageFacts } from '../model/surroundings.ts';

type Wanted = Extract<Desired, { exists: true }>;

export interface DiskContext {
  readonly recorded: readonly RecordedDisk[];
  readonly storages: Storages;
  /** The wish was brought about before: a disk that is elsewhere now was moved by somebody else, and is left there. */
  readonly leaves: boolean;
}

type Storages = readonly StorageFacts[];

export function diskWork(want: Wanted, guest: Guest, { recorded, storages, leaves }: DiskContext): DiskWork {
  const site = { storages, leaves };
  const desired = want.disks ?? [];
  const slots = assignSlots(
    desired.map(({ name }) => name),
    recorded,
    guest,
  );
  const wanted = desired.map((disk): Piece => {
    const slot = slots.find(({ name }) => name === disk.name);
    if (!slot) return { difference: noSlot(disk.name) };
    const isRecorded = recorded.some(({ name, device }) => name === slot.name && device === slot.device);
    const place = placeOf(slot, recorded, guest);
    const entry = entryOf({ ...slot, reclaimPolicy: disk.reclaimPolicy }, place, guest);
    return { entry, ...pieceOf(disk, place, { want, guest, isRecorded, ...site }) };
  });
  const leaving = recorded
    .filter(({ name }) => name !== ROOT && !desired.some((desired) => desired.name === name))
    .map((disk) => removalOf(disk, placeOf(disk, recorded, guest), guest));
  const pieces = [rootPiece(want, guest, site), ...wanted, ...leaving];
  const entries = pieces.flatMap(({ entry }) => entry ?? []);
  return {
    entries,
    unrecorded: slots.some(
      (slot) => !recorded.some(({ name, device }) => name === slot.name && device === slot.device),
    ),
    steps: pieces.flatMap(({ steps = [] }) => steps),
    unmakeable: pieces.flatMap(({ unmakeable }) => unmakeable ?? []),
    differences: pieces.flatMap(({ difference, unmakeable }) => difference ?? unmakeable ?? []),
  };
}

function rootPiece({ rootDisk: size, root: desired }: Wanted, guest: Guest, site: Site): Piece {
  const root = rootDiskOf(guest.config);
  if (!root) return {};
  const live = inForce(guest, root.key);
  const entry = described({ name: ROOT, device: root.key }, live ?? guest.config[root.key] ?? '');
  const disk = { name: ROOT, device: root.key, text: live, size, storage: desired?.storageClass };
  return { entry, ...upkeep('The root disk', disk, guest, site) };
}

type Site = Pick<DiskContext, 'storages' | 'leaves'>;

interface Circumstances extends Site {
  readonly want: Wanted;
  readonly guest: Guest;
  /** Status has the slot: only then is anything put there. */
  readonly isRecorded: boolean;
}

function pieceOf(desired: DesiredDisk, place: Place, around: Circumstances): Piece {
  const { name, size } = desired;
  const { guest, isRecorded } = around;
  switch (place.is) {
    case 'here':
      return upkeep(
        `Disk ${name}`,
        {
          name,
          device: place.device,
          text: inForce(guest, place.device),
          size,
          storage: desired.storageClass,
        },
        guest,
        around,
      );
    case 'leaving':
      return {
        steps: [{ do: 'attachDisk', name, device: place.device, text: place.text, digest: guest.digest }],
      };
    case 'unmade':
      return isRecorded ? newDisk(desired, place.device, around) : {};
    case 'gone':
      return { difference: taken(name, place) };
    default:
      return place satisfies never;
  }
}

function newDisk(desired: DesiredDisk, device: string, { want, guest, storages }: Circumstances): Piece {
  const storage = desired.storage ?? rootDiskOf(guest.config)?.storage;
  const at = storages.find((each) => each.node === guest.node && each.storage === storage);
  if (storage === undefined || at?.status !== 'available' || !at.content.includes('images'))
    return { unmakeable: noStorage(desired.name, storage, guest) };
  const text = newDriveText(desired, storage, formatFor(at.type, want.provisioning));
  return { steps: [{ do: 'attachDisk', name: desired.name, device, text, digest: guest.digest }] };
}

/** What runs has, as opposed to what the next start brings; `undefined`: the device comes with the next start. */
export function inForce({ config, pending }: Guest, key: string): string | undefined {
  const row = pending.find((each) => each.key === key);
  return row ? row.current : config[key];
}

/** A disk that exists, and what the spec says of it. */
interface Kept {
  readonly name: string;
  readonly device: string;
  /** As it is in force; `undefined`: it comes with the next start. */
  readonly text: string | undefined;
  readonly size: Bytes | undefined;
  /** Where the spec itself wants it. */
  readonly storage: string | undefined;
}

function upkeep(what: string, disk: Kept, guest: Guest, site: Site): Piece {
  const grown = growth(what, disk, guest);
  const moved = relocation(what, disk, guest, site);
  const differences = [grown.difference, moved.difference].filter((text) => text !== undefined);
  return {
    steps: [...(grown.steps ?? []), ...(moved.steps ?? [])],
    ...(differences.length > 0 && { difference: differences.join(' ') }),
  };
}

function relocation(
  what: string,
  { name, device, text, storage }: Kept,
  { node, config, digest, pending }: Guest,
  { storages, leaves }: Site,
): Piece {
  const now = text === undefined ? undefined : parseVolumeId(parseDisk(text).volume)?.storage;
  if (storage === undefined || now === undefined || now === storage) return {};
  const stays = `${what} is on storage ${now}, the spec says ${storage}`;
  if (leaves) return { difference: `${stays}: it was moved in Proxmox VE, and is left there.` };
  // PVE moves what is in force, and what waits would name a volume that is gone then (qemu-server, move_vm_disk).
  if (pending.some(({ key }) => key === device))
    return { difference: `${stays}: it is moved when the change that waits for a restart is in effect.` };
  // PVE does not take a disk away from its snapshots (qemu-server, API2/Qemu.pm, move_vm_disk).
  if (config['parent'] !== undefined)
    return { difference: `${stays}: it is moved when the VM has no snapshots any more.` };
  const at = storages.find((each) => each.node === node && each.storage === storage);
  return at?.status === 'available' && at.content.includes('images')
    ? { steps: [{ do: 'moveDisk', name, disk: device, storage, digest }] }
    : { difference: `${stays}, which is not available for disks on node ${node}.` };
}

function growth(
  what: string,
  { device, text, size }: Pick<Kept, 'device' | 'text' | 'size'>,
  { digest }: Guest,
): Piece {
  const now = text === undefined ? undefined : parseDisk(text).size;
  if (size === undefined || now === undefined || now === size) return {};
  return size > now
    ? { steps: [{ do: 'growDisk', disk: device, to: size, digest }] }
    : {
        difference: `${what} has ${formatQuantity(now)}, the spec says ${formatQuantity(size)}: Proxmox VE grows disks but never shrinks them.`,
      };
}

function entryOf(slot: RecordedDisk, place: Place, guest: Guest): RecordedDisk {
  if (place.is !== 'here') return slot;
  const { name, reclaimPolicy } = slot;
  const text = inForce(guest, place.device) ?? place.text;
  return { ...described({ name, device: place.device }, text), reclaimPolicy };
}

function described(slot: RecordedDisk, text: string): RecordedDisk {
  const { volume, size } = parseDisk(text);
  const storage = parseVolumeId(volume)?.storage;
  return {
    ...slot,
    volume,
    ...(storage !== undefined && { storage }),
    ...(size !== undefined && { size: formatQuantity(size) }),
  };
}

const noSlot = (name: string): string =>
  `Disk ${name} cannot be made: scsi1 to scsi30 are all in use. Remove a disk first.`;

const noStorage = (name: string, storage: string | undefined, { node }: Guest): string =>
  storage === undefined
    ? `Disk ${name} cannot be made: the boot disk is on no storage. Name one in its storageClass.`
    : `Disk ${name} cannot be made: storage ${storage} is not available for disks on node ${node}. Bring it back, or name another one in its storageClass.`;

function taken(name: string, { device, instead }: Extract<Place, { is: 'gone' }>): string {
  const now =
    instead === undefined ? `nothing is at ${device} any more` : `${device} holds something else now`;
  return `Disk ${name} was taken off the VM in Proxmox VE: ${now}. It is not made again by itself: attach its volume again, or take the disk out of the spec.`;
}
