/** The work left on a guest's disks, and their status. Pure. */
import { parseDisk, parseVolumeId } from '../../../src/pve/index.ts';
import { formatQuantity } from '../../../src/lib/quantity.ts';
import { assignSlots, LAST_DEVICE, placeOf, ROOT, type Place } from './slots.ts';
import { differenceOf, removeDisk, type DiskOutcome } from './removal.ts';
import { lostDisk } from './lost.ts';
import { attachAgain, detachedVolumes, withoutDestroyed, type Remembered } from './returned.ts';
import { followRoot, movedFrom, type Root } from './followers.ts';
import { rootDiskOf } from '../../shared/guests/disks.ts';
import { formatFor, newDriveText } from './drive.ts';
import { inForce, maintainDisk, type Site } from './maintain.ts';
import { supportedOptions, unsupportedSentences } from './support.ts';
import type { DesiredDisk, DiskWork, RecordedDisk } from '../model/disks.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Desired } from '../model/desired.ts';

type Wanted = Extract<Desired, { exists: true }>;

export interface DiskContext extends Remembered, Pick<Site, 'storages'> {
  /** A disk of this name was applied before: whatever differs was changed by somebody else. */
  readonly isApplied: (name: string) => boolean;
  /** Such a change is reverted. Otherwise it is left so. */
  readonly reverts?: boolean;
  /** The VM was reverted to a snapshot: an unused volume may be a disk, also where nothing was applied since. */
  readonly wasReverted?: boolean;
}

export function diskWork(
  want: Wanted,
  guest: Guest,
  { recorded: before, detached, storages, isApplied, reverts = false, wasReverted = false }: DiskContext,
): DiskWork {
  const recorded = withoutDestroyed(before, guest);
  const desired = want.disks ?? [];
  const siteOf = (name: string): Site => ({ storages, isApplied: isApplied(name) && !reverts });
  const slots = assignSlots(desired, recorded, guest, isApplied);
  const isRecordedAt = (slot: { readonly name: string; readonly device: string }): boolean =>
    recorded.some(({ name, device }) => name === slot.name && device === slot.device);
  const isLeft = (name: string): boolean => want.held?.disks.includes(name) ?? false;
  const unrecorded = slots.filter((slot) => !isRecordedAt(slot) && !isLeft(slot.name));
  const wanted = desired.map((disk): DiskOutcome => {
    const slot = slots.find(({ name }) => name === disk.name);
    if (!slot) return isLeft(disk.name) ? {} : { waits: noFreeDevice(disk) };
    const isRecorded = isRecordedAt(slot);
    const place = placeOf(slot, recorded, guest);
    const entry = entryOf({ ...slot, reclaimPolicy: disk.reclaimPolicy }, place, guest);
    // A device is reserved for it only once it may be made.
    if (isLeft(disk.name)) return isRecorded || place.is === 'here' ? { entry } : {};
    return {
      entry,
      ...outcomeOf(disk, place, {
        ...{ want, guest, recorded, detached, isRecorded, wasMade: wasReverted || isApplied(disk.name) },
        ...siteOf(disk.name),
      }),
    };
  });
  const leaving = recorded
    .filter(({ name }) => name !== ROOT && !desired.some((desired) => desired.name === name))
    .map((disk) => removeDisk(disk, placeOf(disk, recorded, guest), guest));
  const root = rootOutcomes(want, guest, { recorded, movedByOthers: isApplied(ROOT), ...siteOf(ROOT) });
  const outcomes = [...root, ...wanted, ...leaving];
  const entries = outcomes.flatMap(({ entry }) => entry ?? []);
  return {
    entries,
    unrecorded: unrecorded.length > 0,
    steps: outcomes.flatMap(({ steps = [] }) => steps),
    unmakeable: outcomes.flatMap(({ unmakeable }) => unmakeable ?? []),
    open: [
      ...(root.some(isOpen) ? [ROOT] : []),
      ...desired.flatMap(({ name }, i) =>
        isOpen(wanted[i]) || unrecorded.some((slot) => slot.name === name) ? [name] : [],
      ),
    ],
    differences: outcomes.flatMap(sentencesOf),
  };
}

const isOpen = ({ steps = [], waits, unmakeable }: DiskOutcome = {}): boolean =>
  steps.length > 0 || waits !== undefined || unmakeable !== undefined;

const sentencesOf = ({ difference, waits, unmakeable }: DiskOutcome): string[] =>
  [difference, waits, unmakeable].filter((text) => text !== undefined);

/** The boot disk, and what follows it to another storage. */
function rootOutcomes(
  { rootDisk: size, root: desired, held }: Wanted,
  guest: Guest,
  { recorded, movedByOthers, ...context }: Site & Pick<Root, 'recorded' | 'movedByOthers'>,
): DiskOutcome[] {
  const root = rootDiskOf(guest.config);
  if (!root) return [];
  const live = inForce(guest, root.key);
  const entry = described({ name: ROOT, device: root.key }, live ?? guest.config[root.key] ?? '');
  if (held?.disks.includes(ROOT)) return [{ entry }];
  const from = movedFrom({ root, desired, recorded, movedByOthers }, guest);
  const disk = {
    name: ROOT,
    device: root.key,
    text: live,
    size,
    storage: desired?.storageClass,
    bus: desired?.bus,
    options: desired?.options ?? {},
  };
  return [
    {
      entry: { ...entry, ...(from.length > 0 && { movedFrom: from }) },
      ...maintainDisk('The root disk', disk, guest, context),
    },
    ...followRoot({ root, desired }, from, guest, context),
  ];
}

interface DiskSituation extends Site, Remembered {
  readonly want: Wanted;
  readonly guest: Guest;
  /** Status has recorded the device; a disk is created only then. */
  readonly isRecorded: boolean;
  /** It was made before, as far as is known. */
  readonly wasMade: boolean;
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
          bus: desired.bus,
          options: desired.options,
        },
        guest,
        situation,
      );
    case 'leaving':
      return {
        steps: [{ do: 'attachDisk', name, device: place.device, text: place.text, digest: guest.digest }],
      };
    case 'unmade':
      return isRecorded
        ? (returnedDisk(desired, place.device, situation) ??
            (situation.wasMade ? lostDisk(desired, place.device, situation) : undefined) ??
            newDisk(desired, place.device, situation))
        : {};
    case 'gone':
      return returnedAfterRemoval(desired, place, situation) ?? { difference: removedInPve(name, place) };
    default:
      return place satisfies never;
  }
}

function returnedDisk(
  desired: DesiredDisk,
  device: string,
  situation: DiskSituation,
): DiskOutcome | undefined {
  const { guest, storages } = situation;
  const [first, ...more] = detachedVolumes(desired.name, guest, situation);
  return first && attachAgain(desired, device, { guest, volumes: [first, ...more], storages });
}

/** A disk that was in the spec all the time was taken off by somebody else, and is left so. */
const returnedAfterRemoval = (
  desired: DesiredDisk,
  { device, instead }: Extract<Place, { is: 'gone' }>,
  situation: DiskSituation,
): DiskOutcome | undefined =>
  situation.isApplied || instead !== undefined ? undefined : returnedDisk(desired, device, situation);

function newDisk(
  desired: DesiredDisk,
  device: string,
  { want, guest, storages }: DiskSituation,
): DiskOutcome {
  const storage = desired.storage ?? rootDiskOf(guest.config)?.storage;
  const at = storages.find((each) => each.node === guest.node && each.storage === storage);
  if (storage === undefined || at?.status !== 'available' || !at.content.includes('images'))
    return { unmakeable: storageUnavailable(desired.name, storage, guest) };
  const supported = supportedOptions(desired.options, { device, text: '' }, guest.config);
  const drive = { ...desired, options: supported.options };
  const text = newDriveText(drive, storage, formatFor(at.type, want.provisioning));
  return {
    steps: [{ do: 'attachDisk', name: desired.name, device, text, digest: guest.digest }],
    ...differenceOf(unsupportedSentences(`Disk ${desired.name}`, { device }, supported)),
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

const noFreeDevice = ({ name, bus = 'scsi' }: DesiredDisk): string =>
  `Disk ${name} cannot be created: ${bus}1 to ${bus}${LAST_DEVICE[bus]} are all in use. Remove a disk first.`;

const storageUnavailable = (name: string, storage: string | undefined, { node }: Guest): string =>
  storage === undefined
    ? `Disk ${name} cannot be created: it has no storageClass, and the boot disk is on no storage. Set its storageClass.`
    : `Disk ${name} cannot be created: storage ${storage} is not available for disks on node ${node}. Make the storage available, or change the disk's storageClass.`;

function removedInPve(name: string, { device, instead }: Extract<Place, { is: 'gone' }>): string {
  const now = instead === undefined ? `${device} is empty` : `${device} has another volume`;
  return `Disk ${name} was detached in Proxmox VE: ${now}. The operator does not create it again. Attach its volume again, or remove the disk from the spec.`;
}
