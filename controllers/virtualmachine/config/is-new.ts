import type { VirtualMachine } from '../../../src/api/index.ts';
import { smbiosUuidOf } from './hardware.ts';
import type { Guest } from '../../shared/guests/model.ts';

/**
 * A guest as our clone left it: its SMBIOS UUID is set with its first configuration. One that was adopted, or whose
 * UUID somebody changed later, is not made anew: its network, user and firmware are its own.
 */
export function isNew(vm: VirtualMachine, guest: Guest): boolean {
  const { uid } = vm.metadata;
  const { cloneType, internal } = vm.status ?? {};
  return (
    cloneType !== undefined && internal?.uuid !== uid && smbiosUuidOf(guest.config) !== uid && !guest.running
  );
}
