/** What a new guest has from another VM that belongs to that VM alone, so that it is removed before the first start. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import { parseDisk } from '../../../src/pve/index.ts';
import { isDrive } from '../../shared/guests/disks.ts';
import type { Keys } from '../../shared/guests/keys.ts';
import type { Guest } from '../../shared/guests/model.ts';
import { isNew } from './is-new.ts';

/** An image of the operator, of whatever guest: they hold secrets, and the name of the guest. */
const IMAGE = /:iso\/virtrigaud-\d+-[0-9a-f]+\.iso$/;
const EMPTY = 'none,media=cdrom';

export const isOwnImage = (volume: string): boolean => IMAGE.test(volume);

/** The new guest is a copy of a VM: of a template everything that is not replaced is meant to be inherited. */
export const isCopy = (vm: VirtualMachine, guest: Pick<Guest, 'config'>): boolean =>
  vm.spec.cloneFrom !== undefined && isNew(vm, guest);

/** Drives with an image that was made for the VM that was cloned. */
export const copiedImages = (vm: VirtualMachine, guest: Pick<Guest, 'config'>): readonly string[] =>
  isNew(vm, guest)
    ? Object.keys(guest.config).filter((key) => {
        const { volume } = parseDisk(guest.config[key] ?? '');
        return isDrive(key) && isOwnImage(volume) && volume !== vm.status?.internal?.cloudInit?.volume;
      })
    : [];

/**
 * The VM that was cloned got its data from an image: its system knows name, addresses and keys of that VM, and reads
 * others only if it is given some.
 */
export const hadData = (vm: VirtualMachine, guest: Pick<Guest, 'config'>): boolean =>
  isCopy(vm, guest) &&
  (copiedImages(vm, guest).length > 0 ||
    Object.entries(guest.config).some(([key, text]) => {
      const { cdrom, volume } = parseDisk(text);
      return isDrive(key) && cdrom && volume === 'none';
    }));

/** What is set later, by the spec, takes precedence. */
export const copiedKeys = (vm: VirtualMachine, guest: Pick<Guest, 'config'>): Keys => ({
  set: Object.fromEntries(copiedImages(vm, guest).map((device) => [device, EMPTY])),
  // User data that was meant for the VM that was cloned. A hook script stays, since only root@pam may remove it.
  delete: isCopy(vm, guest) && guest.config['cicustom'] !== undefined ? ['cicustom'] : [],
});
