/** A disk that is no longer in the spec is detached, and destroyed only if its reclaimPolicy says so and status has its volume. Pure. */
import type { Place } from './slots.ts';
import type { DiskStep, RecordedDisk } from '../model/disks.ts';
import type { Guest } from '../../shared/guests/model.ts';

/** What follows for one disk. */
export interface DiskOutcome {
  readonly entry?: RecordedDisk;
  readonly steps?: readonly DiskStep[];
  readonly unmakeable?: string;
  readonly difference?: string;
}

export const differenceOf = (sentences: readonly string[]): Pick<DiskOutcome, 'difference'> =>
  sentences.length > 0 ? { difference: sentences.join(' ') } : {};

/** The entry is removed from status when nothing is left to do. */
export function removeDisk(disk: RecordedDisk, place: Place, guest: Guest): DiskOutcome {
  const { name } = disk;
  const { digest } = guest;
  switch (place.is) {
    case 'here': {
      const entry = { ...disk, device: place.device };
      return { entry, steps: [{ do: 'detachDisk', name, device: place.device, digest }] };
    }
    case 'leaving':
      return { entry: disk };
    case 'unmade':
      return {};
    case 'gone':
      return disk.reclaimPolicy === 'Delete' ? destroyDisk(disk, guest) : {};
    default:
      return place satisfies never;
  }
}

/** PVE lets nobody detach or destroy a disk of a protected guest (qemu-server, check_protection). */
export function unlessProtected(
  outcome: DiskOutcome,
  { name }: RecordedDisk,
  { vmid, node, config }: Guest,
  inSpec: boolean,
): DiskOutcome {
  if (config['protection'] !== '1' || (outcome.steps ?? []).length === 0) return outcome;
  const way = inSpec
    ? 'set spec.protection to false.'
    : `remove the protection on node ${node}: qm set ${vmid} --protection 0`;
  return {
    ...(outcome.entry && { entry: outcome.entry }),
    difference: `Disk ${name} is no longer in the spec, but VM ${vmid} is protected, so Proxmox VE neither detaches nor destroys it. To have that done, ${way}`,
  };
}

function destroyDisk(disk: RecordedDisk, { config, digest }: Guest): DiskOutcome {
  const { name, volume } = disk;
  const unused = Object.keys(config).find((key) => /^unused\d+$/.test(key) && config[key] === volume);
  if (volume === undefined || unused === undefined) return {};
  // A snapshot may still need it (qemu-server, QemuConfig.pm).
  if (config['parent'] !== undefined)
    return {
      entry: disk,
      difference: `Disk ${name} is detached (${unused}) and will be destroyed once the VM has no snapshots.`,
    };
  return { entry: disk, steps: [{ do: 'destroyDisk', name, unused, volume, digest }] };
}
