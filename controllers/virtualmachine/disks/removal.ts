/** A disk that is no longer in the spec is detached, and destroyed only if its reclaimPolicy says so and status has its volume. Pure. */
import { unusedWith } from '../../shared/guests/disks.ts';
import type { Place } from './slots.ts';
import type { DiskStep, RecordedDisk } from '../model/disks.ts';
import type { Guest } from '../../shared/guests/model.ts';

/** What follows for one disk. */
export interface DiskOutcome {
  readonly entry?: RecordedDisk;
  readonly steps?: readonly DiskStep[];
  readonly unmakeable?: string;
  /** It stays so. */
  readonly difference?: string;
  /** It differs until something else is out of the way. */
  readonly waits?: string;
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
      if (isProtected(guest)) return { entry, waits: isHeld(name, 'detached', guest) };
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

/** PVE removes no drive and no unused disk of a protected guest (qemu-server, API2/Qemu.pm, update_vm_api). */
const isProtected = ({ config }: Guest): boolean => config['protection'] === '1';

const isHeld = (name: string, what: string, { vmid, node }: Guest): string =>
  `Disk ${name} is no longer in the spec, but VM ${vmid} is protected in Proxmox VE, so the disk is not ${what}. ` +
  `Set spec.protection to false, or run on node ${node}: qm set ${vmid} --protection 0`;

function destroyDisk(disk: RecordedDisk, guest: Guest): DiskOutcome {
  const { config, digest } = guest;
  const { name, volume } = disk;
  const unused = volume === undefined ? undefined : unusedWith(config, volume);
  if (volume === undefined || unused === undefined) return {};
  if (isProtected(guest)) return { entry: disk, waits: isHeld(name, 'destroyed', guest) };
  // A snapshot may still need it (qemu-server, QemuConfig.pm).
  if (config['parent'] !== undefined)
    return {
      entry: disk,
      waits: `Disk ${name} is detached (${unused}) and will be destroyed once the VM has no snapshots.`,
    };
  return { entry: disk, steps: [{ do: 'destroyDisk', name, unused, volume, digest }] };
}
