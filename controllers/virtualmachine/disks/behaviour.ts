/** How disks behave: cache, discard, limits … Only what the spec names is changed, and only on disks of ours. Pure. */
import { parseDisk } from '../../../src/pve/index.ts';
import type { VirtualMachine } from '../../../src/api/index.ts';
import { placeOf } from './slots.ts';
import { inForce } from './work.ts';
import { rootDiskOf } from '../../shared/guests/disks.ts';
import { withOptions } from './drive.ts';
import type { Keys } from '../../shared/guests/keys.ts';
import type { DiskOptions } from '../model/disks.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Desired } from '../model/desired.ts';

type Wanted = Extract<Desired, { exists: true }>;

/** What differs on drives that exist. PVE has no key for a single option: the drive's whole text is written, with the size it has now. */
export function diskKeys(vm: VirtualMachine, want: Wanted, guest: Guest): Keys {
  const set: Record<string, string> = {};
  const bring = (device: string, options: DiskOptions): void => {
    const text = guest.config[device] ?? '';
    const live = inForce(guest, device);
    const next = withOptions(text, options, live === undefined ? undefined : parseDisk(live).size);
    if (next !== text) set[device] = next;
  };
  const root = rootDiskOf(guest.config);
  if (root && want.root) bring(root.key, want.root.options);
  const recorded = vm.status?.disks ?? [];
  for (const { name, options } of want.disks ?? []) {
    const disk = recorded.find((each) => each.name === name);
    const place = disk && placeOf(disk, recorded, guest);
    if (place?.is === 'here') bring(place.device, options);
  }
  return { set, delete: [] };
}
