/** Disk options: cache, discard, limits … Changes only options in the spec, and only on disks of the spec. Pure. */
import { parseDisk } from '../../../src/pve/index.ts';
import type { VirtualMachine } from '../../../src/api/index.ts';
import { placeOf, ROOT } from './slots.ts';
import { inForce } from './maintain.ts';
import { rootDiskOf } from '../../shared/guests/disks.ts';
import { withOptions } from './drive.ts';
import { supportedOptions } from './support.ts';
import type { Keys } from '../../shared/guests/keys.ts';
import type { DiskOptions } from '../model/disks.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Desired } from '../model/desired.ts';

type Wanted = Extract<Desired, { exists: true }>;

/** The names of the disks that the guest has, by device. */
export function diskDevices(vm: VirtualMachine, want: Wanted, guest: Guest): ReadonlyMap<string, string> {
  const root = rootDiskOf(guest.config);
  const recorded = vm.status?.disks ?? [];
  const others = (want.disks ?? []).flatMap(({ name }) => {
    const disk = recorded.find((each) => each.name === name);
    const place = disk && placeOf(disk, recorded, guest);
    return place?.is === 'here' ? [[place.device, name] as const] : [];
  });
  return new Map([...(root ? [[root.key, ROOT] as const] : []), ...others]);
}

/** Options that differ on existing drives. PVE has no key per option: the whole value is written, with the current size. */
export function diskKeys(vm: VirtualMachine, want: Wanted, guest: Guest): Keys {
  const set: Record<string, string> = {};
  const update = (device: string, options: DiskOptions): void => {
    const text = guest.config[device] ?? '';
    const live = inForce(guest, device);
    const { options: supported } = supportedOptions(options, { device, text }, guest.config);
    const next = withOptions(text, supported, live === undefined ? undefined : parseDisk(live).size);
    if (next !== text) set[device] = next;
  };
  for (const [device, name] of diskDevices(vm, want, guest)) {
    const disk = name === ROOT ? want.root : want.disks?.find((each) => each.name === name);
    if (disk) update(device, disk.options);
  }
  return { set, delete: [] };
}
