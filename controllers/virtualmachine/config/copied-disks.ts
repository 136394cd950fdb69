/** The disks of status, and those that came along with the guest that was cloned. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import { parseDisk } from '../../../src/pve/index.ts';
import type { RecordedDisk } from '../model/disks.ts';
import type { Guest } from '../../shared/guests/model.ts';

/**
 * A copied disk that the spec names is that disk, with or without the serial number that says so: no empty disk is made
 * beside it. One that the spec does not name is left as it is.
 */
export function recordedDisks(vm: VirtualMachine, guest: Pick<Guest, 'config'>): readonly RecordedDisk[] {
  const { disks = [], placement, createdAt } = vm.status ?? {};
  // Until the guest is complete, status may not have recorded them yet.
  if (createdAt !== undefined) return disks;
  const isDesired = (disk: string): boolean => vm.spec.disks?.some(({ name }) => name === disk) ?? false;
  const copied = (placement?.disks ?? []).filter(
    ({ name }) => isDesired(name) && !disks.some((disk) => disk.name === name),
  );
  return [
    ...disks,
    ...copied.flatMap(({ name, device }) => {
      const { volume } = parseDisk(guest.config[device] ?? '');
      return volume === '' ? [] : [{ name, device, volume }];
    }),
  ];
}
