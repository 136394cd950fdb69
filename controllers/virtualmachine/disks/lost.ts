/** A disk that was made, and of which status no longer knows the volume. Pure. */
import { parseDisk, parseProperties, property } from '../../../src/pve/index.ts';
import { isDrive } from '../../shared/guests/disks.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { DesiredDisk } from '../model/disks.ts';
import { serialOf } from './drive.ts';
import type { DiskOutcome } from './removal.ts';
import type { Remembered } from './returned.ts';
import { dataDrives } from './slots.ts';

interface Volume {
  readonly key: string;
  readonly volume: string;
}

/** No empty disk is put beside a volume that may be the disk. */
export function lostDisk(
  { name }: DesiredDisk,
  device: string,
  { guest, ...remembered }: Remembered & { readonly guest: Guest },
): DiskOutcome | undefined {
  const candidates = nameless(guest, remembered);
  const [first] = candidates;
  if (!first) return undefined;
  const found = candidates.map(({ key, volume }) => `${volume} (${key})`).join(' and ');
  return {
    waits: `Disk ${name} is not created: the status that named its volume is lost, and the VM has ${found}, which may be the disk. If so, ${remedy(name, device, first, guest)}. Otherwise give the new disk another name in the spec.`,
  };
}

const remedy = (name: string, device: string, { key, volume }: Volume, { vmid }: Guest): string =>
  isDrive(key)
    ? `add serial=${serialOf(name)} to the options of ${key} in Proxmox VE`
    : `run on a node of Proxmox VE: qm set ${vmid} --${device} ${volume},serial=${serialOf(name)}`;

/** Volumes of the guest, attached or not, of which nothing says which disk they are. */
function nameless(guest: Guest, { recorded, detached }: Remembered): readonly Volume[] {
  const named = new Set([...recorded, ...detached].map(({ volume }) => volume));
  const unused = Object.entries(guest.config).filter(([key]) => /^unused\d+$/.test(key));
  return [...unused, ...dataDrives(guest)]
    .map(([key, text]) => ({ key, text, volume: parseDisk(text).volume }))
    .filter(
      ({ text, volume }) => !named.has(volume) && property(parseProperties(text), 'serial') === undefined,
    );
}
