/** A disk that comes back into the spec while the guest still has its volume as `unusedN`. Pure. */
import { parseDisk } from '../../../src/pve/index.ts';
import { formatQuantity, parseQuantity } from '../../../src/lib/quantity.ts';
import { unusedWith } from '../../shared/guests/disks.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { DesiredDisk, DetachedDisk, RecordedDisk } from '../model/disks.ts';
import { attachedText } from './drive.ts';
import { storageTypeOf, type Site } from './maintain.ts';
import { differenceOf, type DiskOutcome } from './removal.ts';
import { compareSizes } from './rounding.ts';
import { supportedOptions, unsupportedSentences } from './support.ts';

/** What status remembers of disks. */
export interface Remembered {
  readonly recorded: readonly RecordedDisk[];
  /** Unused volumes that were disks. */
  readonly detached: readonly DetachedDisk[];
}

/** The volumes under which status remembers the disk, as far as the guest has them as unused ones. */
export function detachedVolumes(
  name: string,
  { config }: Pick<Guest, 'config'>,
  { recorded, detached }: Remembered,
): readonly DetachedDisk[] {
  const known = [
    ...recorded.flatMap(({ volume, size, ...disk }): DetachedDisk[] =>
      volume === undefined || disk.name !== name ? [] : [{ disk: name, volume, size }],
    ),
    ...detached.filter(({ disk }) => disk === name),
  ];
  return known.filter(
    ({ volume }, i) =>
      known.findIndex((each) => each.volume === volume) === i && unusedWith(config, volume) !== undefined,
  );
}

/** An entry whose volume we destroyed is that of a disk to be made. */
export function withoutDestroyed(
  recorded: readonly RecordedDisk[],
  { config, pending }: Guest,
): RecordedDisk[] {
  const texts = [...Object.values(config), ...pending.flatMap(({ current }) => current ?? [])];
  const exists = (volume: string | undefined): boolean =>
    texts.some((text) => parseDisk(text).volume === volume);
  return recorded.map((disk) => {
    if (disk.destroying !== true || exists(disk.volume)) return disk;
    const { name, device, reclaimPolicy } = disk;
    return { name, device, reclaimPolicy };
  });
}

interface Returning extends Pick<Site, 'storages'> {
  readonly guest: Guest;
  readonly volumes: readonly [DetachedDisk, ...DetachedDisk[]];
}

/** Attaches the volume again. An empty disk never takes its place. */
export function attachAgain(desired: DesiredDisk, device: string, situation: Returning): DiskOutcome {
  const { name } = desired;
  const { guest, volumes } = situation;
  const [{ volume }] = volumes;
  const refusal = refusalOf(desired, situation);
  if (refusal !== undefined) return { waits: refusal };
  const supported = supportedOptions(desired.options, { device, text: '' }, guest.config);
  const text = attachedText({ name, options: supported.options }, volume);
  return {
    steps: [{ do: 'attachDisk', name, device, text, digest: guest.digest }],
    ...differenceOf(unsupportedSentences(`Disk ${name}`, { device }, supported)),
  };
}

function refusalOf(
  { name, size, importFrom }: DesiredDisk,
  { guest, volumes, storages }: Returning,
): string | undefined {
  const [first] = volumes;
  const list = volumes
    .map(({ volume }) => `${volume} (${unusedWith(guest.config, volume) ?? ''})`)
    .join(' and ');
  const otherwise = 'or give the new disk another name.';
  if (volumes.length > 1)
    return `Disk ${name} is not attached, because the VM has several volumes of that name: ${list}. Remove all but one of them in Proxmox VE, ${otherwise}`;
  if (importFrom !== undefined)
    return `Disk ${name} is not attached: the VM still has its volume ${list}, but the spec has importFrom, which asks for a new one. Remove importFrom to attach the volume, ${otherwise}`;
  const before = parseQuantity(first.size ?? '');
  const type = storageTypeOf(first.volume, guest.node, storages);
  return size !== undefined && 'value' in before && compareSizes(before.value, size, type) === 'larger'
    ? `Disk ${name} is not attached: the VM still has its volume ${list} of ${formatQuantity(before.value)}, but the spec says ${formatQuantity(size)}, and Proxmox VE cannot shrink disks. Increase the size to attach the volume, ${otherwise}`
    : undefined;
}
