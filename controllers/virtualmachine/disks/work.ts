/** The work left on a guest's disks, and their status. Pure. */
import { parseDisk, parseVolumeId } from '../../../src/pve/index.ts';
import { formatQuantity } from '../../../src/lib/quantity.ts';
import type { Bytes } from '../../../src/lib/units.ts';
import { assignSlots, placeOf, ROOT, type Place } from './slots.ts';
import { removeDisk, type DiskOutcome } from './removal.ts';
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
  /** The spec was applied before: a disk on another storage was moved by somebody else, and stays there. */
  readonly isApplied: boolean;
}

type Storages = readonly StorageFacts[];

export function diskWork(
  want: Wanted,
  guest: Guest,
  { recorded, storages, isApplied }: DiskContext,
): DiskWork {
  const context = { storages, isApplied };
  const desired = want.disks ?? [];
  const slots = assignSlots(
    desired.map(({ name }) => name),
    recorded,
    guest,
  );
  const wanted = desired.map((disk): DiskOutcome => {
    const slot = slots.find(({ name }) => name === disk.name);
    if (!slot) return { waits: noFreeDevice(disk.name) };
    const isRecorded = recorded.some(({ name, device }) => name === slot.name && device === slot.device);
    const place = placeOf(slot, recorded, guest);
    const entry = entryOf({ ...slot, reclaimPolicy: disk.reclaimPolicy }, place, guest);
    return { entry, ...outcomeOf(disk, place, { want, guest, isRecorded, ...context }) };
  });
  const leaving = recorded
    .filter(({ name }) => name !== ROOT && !desired.some((desired) => desired.name === name))
    .map((disk) => removeDisk(disk, placeOf(disk, recorded, guest), guest));
  const outcomes = [rootOutcome(want, guest, context), ...wanted, ...leaving];
  const entries = outcomes.flatMap(({ entry }) => entry ?? []);
  return {
    entries,
    unrecorded: slots.some(
      (slot) => !recorded.some(({ name, device }) => name === slot.name && device === slot.device),
    ),
    steps: outcomes.flatMap(({ steps = [] }) => steps),
    unmakeable: outcomes.flatMap(({ unmakeable }) => unmakeable ?? []),
    waits: outcomes.flatMap(({ waits, unmakeable }) => waits ?? unmakeable ?? []),
    differences: outcomes.flatMap(sentencesOf),
  };
}

const sentencesOf = ({ difference, waits, unmakeable }: DiskOutcome): string[] =>
  [difference, waits, unmakeable].filter((text) => text !== undefined);

function rootOutcome({ rootDisk: size, root: desired }: Wanted, guest: Guest, context: Site): DiskOutcome {
  const root = rootDiskOf(guest.config);
  if (!root) return {};
  const live = inForce(guest, root.key);
  const entry = described({ name: ROOT, device: root.key }, live ?? guest.config[root.key] ?? '');
  const disk = { name: ROOT, device: root.key, text: live, size, storage: desired?.storageClass };
  return { entry, ...maintainDisk('The root disk', disk, guest, context) };
}

type Site = Pick<DiskContext, 'storages' | 'isApplied'>;

interface DiskSituation extends Site {
  readonly want: Wanted;
  readonly guest: Guest;
  /** Status has recorded the device; a disk is created only then. */
  readonly isRecorded: boolean;
}

function outcomeOf(desired: DesiredDisk, place: Place, situation: DiskSituation): DiskOutcome {
  const { name, size } = desired;
  const { guest, isRecorded } = situation;
  switch (place.is) {
    case 'here':
      return maintainDisk(
        `Disk ${name}`,
        {
          name,
          device: place.device,
          text: inForce(guest, place.device),
          size,
          storage: desired.storageClass,
        },
        guest,
        situation,
      );
    case 'leaving':
      return {
        steps: [{ do: 'attachDisk', name, device: place.device, text: place.text, digest: guest.digest }],
      };
    case 'unmade':
      return isRecorded ? newDisk(desired, place.device, situation) : {};
    case 'gone':
      return { difference: removedInPve(name, place) };
    default:
      return place satisfies never;
  }
}

function newDisk(
  desired: DesiredDisk,
  device: string,
  { want, guest, storages }: DiskSituation,
): DiskOutcome {
  const storage = desired.storage ?? rootDiskOf(guest.config)?.storage;
  const at = storages.find((each) => each.node === guest.node && each.storage === storage);
  if (storage === undefined || at?.status !== 'available' || !at.content.includes('images'))
    return { unmakeable: storageUnavailable(desired.name, storage, guest) };
  const text = newDriveText(desired, storage, formatFor(at.type, want.provisioning));
  return { steps: [{ do: 'attachDisk', name: desired.name, device, text, digest: guest.digest }] };
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
}

function maintainDisk(what: string, disk: ExistingDisk, guest: Guest, context: Site): DiskOutcome {
  const grown = growDisk(what, disk, guest);
  const moved = moveDisk(what, disk, guest, context);
  const differences = [grown.difference, moved.difference].filter((text) => text !== undefined);
  return {
    steps: [...(grown.steps ?? []), ...(moved.steps ?? [])],
    ...(differences.length > 0 && { difference: differences.join(' ') }),
    ...(moved.waits !== undefined && { waits: moved.waits }),
  };
}

function moveDisk(
  what: string,
  { name, device, text, storage }: ExistingDisk,
  { node, config, digest, pending }: Guest,
  { storages, isApplied }: Site,
): DiskOutcome {
  const now = text === undefined ? undefined : parseVolumeId(parseDisk(text).volume)?.storage;
  if (storage === undefined || now === undefined || now === storage) return {};
  const stays = `${what} is on storage ${now}, but the spec says ${storage}`;
  if (isApplied)
    return {
      difference: `${stays}. It was moved in Proxmox VE and stays there. Change the spec, or move it back.`,
    };
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
  { digest }: Guest,
): DiskOutcome {
  const now = text === undefined ? undefined : parseDisk(text).size;
  if (size === undefined || now === undefined || now === size) return {};
  return size > now
    ? { steps: [{ do: 'growDisk', disk: device, to: size, digest }] }
    : {
        difference: `${what} has ${formatQuantity(now)}, but the spec says ${formatQuantity(size)}. Proxmox VE cannot shrink disks. Increase the size in the spec.`,
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

const noFreeDevice = (name: string): string =>
  `Disk ${name} cannot be created: scsi1 to scsi30 are all in use. Remove a disk first.`;

const storageUnavailable = (name: string, storage: string | undefined, { node }: Guest): string =>
  storage === undefined
    ? `Disk ${name} cannot be created: it has no storageClass, and the boot disk is on no storage. Set its storageClass.`
    : `Disk ${name} cannot be created: storage ${storage} is not available for disks on node ${node}. Make the storage available, or change the disk's storageClass.`;

function removedInPve(name: string, { device, instead }: Extract<Place, { is: 'gone' }>): string {
  const now = instead === undefined ? `${device} is empty` : `${device} has another volume`;
  return `Disk ${name} was detached in Proxmox VE: ${now}. The operator does not create it again. Attach its volume again, or remove the disk from the spec.`;
}
