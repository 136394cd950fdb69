/**
 * The volume of PVE's own cloud-init drive. A CD that is inserted into the drive of a running guest leaves the volume in
 * no configuration (qemu-server, vmconfig_update_disk). It is known to be this guest's because the guest was seen with
 * it, so it is recorded, and deleted with the guest. Pure.
 */
import type { VirtualMachine, VirtualMachineInternal } from '../../../src/api/index.ts';
import { parseDisk } from '../../../src/pve/index.ts';
import { cloudInitDrives } from '../../shared/guests/disks.ts';
import type { Guest } from '../../shared/guests/model.ts';
import { isNew } from '../config/is-new.ts';
import type { DisplacedDrive } from '../model/cloud-init.ts';
import { driveSlot } from './slot.ts';

type RecordedDrive = NonNullable<VirtualMachineInternal['drive']>;

/** As status is to have it. A guest that was never started loses no volume: PVE frees it. */
export function ownDrive(vm: VirtualMachine, guest: Guest): RecordedDrive | undefined {
  const [device] = cloudInitDrives(guest.config);
  if (device !== undefined)
    return isNew(vm, guest) ? undefined : { device, volume: parseDisk(guest.config[device] ?? '').volume };
  const before = vm.status?.internal?.drive;
  if (before === undefined || before.displaced === true) return before;
  const { volume } = parseDisk(guest.config[before.device] ?? '');
  // PVE frees the volume where the drive is emptied or removed.
  return volume === '' || volume === 'none' ? undefined : { ...before, displaced: true };
}

/** The volume that is in no drive of the guest any more, and where it can be attached, so that it is deleted with the guest. */
export function displacedDrive(vm: VirtualMachine, guest: Guest): DisplacedDrive | undefined {
  const { displaced = false, volume = '' } = ownDrive(vm, guest) ?? {};
  const slot = driveSlot(vm, guest);
  return displaced && 'value' in slot ? { device: slot.value, volume } : undefined;
}
