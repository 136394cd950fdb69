/** A disk that left the spec: it is detached, and destroyed only where the spec said so and status knows its volume. Pure. */
import type { Place } from './slots.ts';
import type { DiskStep, RecordedDisk } from '../model/disks.ts';
import type { Guest } from '../../shared/guests/model.ts';

/** What one disk comes to. */
export interface DiskOutcome {
  readonly entry?: RecordedDisk;
  readonly steps?: readonly DiskStep[];
  readonly unmakeable?: string;
  readonly difference?: string;
}

/** The entry of status goes when nothing is left to do. */
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

function destroyDisk(disk: RecordedDisk, { config, digest }: Guest): DiskOutcome {
  const { name, volume } = disk;
  const unused = Object.keys(config).find((key) => /^unused\d+$/.test(key) && config[key] === volume);
  if (volume === undefined || unused === undefined) return {};
  // A snapshot may still need it (qemu-server, QemuConfig.pm).
  if (config['parent'] !== undefined)
    return {
      entry: disk,
      difference: `Disk ${name} is detached (${unused}), and destroyed when the VM has no snapshots any more.`,
    };
  return { entry: disk, steps: [{ do: 'destroyDisk', name, unused, volume, digest }] };
}
