import type { VirtualMachine } from '../../../src/api/index.ts';
import { smbiosUuidOf } from '../../shared/guests/identity.ts';
import type { Guest } from '../../shared/guests/model.ts';

/**
 * Whether the guest was cloned but not configured: the first configuration sets its SMBIOS UUID. A guest that was
 * adopted, or whose UUID somebody changed later, is not new and keeps its network, user and firmware.
 */
export function isNew(vm: VirtualMachine, guest: Guest): boolean {
  const { uid } = vm.metadata;
  const { cloneType, internal } = vm.status ?? {};
  return (
    cloneType !== undefined && internal?.uuid !== uid && smbiosUuidOf(guest.config) !== uid && !guest.running
  );
}
