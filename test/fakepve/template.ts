import { drivesOf, isCdrom, printDrive, splitVolid } from './drives.ts';
import { canLink } from './storage.ts';
import type { Guest } from './guest.ts';
import type { World } from './world.ts';

/** Turns the disks of a template into base volumes, of which linked clones can be created. */
export function renameToBase(world: World, guest: Guest): void {
  for (const drive of drivesOf(guest.config)) {
    const volume = isCdrom(drive) ? undefined : world.storage.find(drive.file, guest.node);
    const storage = world.storage.storages.get(splitVolid(drive.file)?.storage ?? '');
    if (!volume || !storage || !canLink(storage)) continue;
    const own = volume.name
      .split('/')
      .slice(-(storage.type === 'dir' ? 2 : 1))
      .join('/');
    const name = own.replace(/(^|\/)vm-(\d+-[^/]*)$/, '$1base-$2');
    world.storage.remove(volume.volid, guest.node);
    // Ceph renames the image, and it stays a clone.
    const parent = volume.parentSnapshot === undefined ? undefined : volume.parent;
    world.storage.put({ ...volume, name, volid: `${storage.id}:${name}`, parent }, guest.node);
    guest.config.set(drive.key, printDrive({ file: `${storage.id}:${name}`, options: drive.options }));
  }
  guest.written();
}
