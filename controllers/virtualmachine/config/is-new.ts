import type { VirtualMachine } from '../../../src/api/index.ts';
import { smbiosUuidOf } from '../../shared/guests/identity.ts';
import type { Guest } from '../../shared/guests/model.ts';

/**
 * Whether the guest was cloned but not configured: the first configuration sets its SMBIOS UUID, which status records. A
 * guest that was adopted, or whose UUID somebody changed later, is not new and keeps its network, user and firmware.
 * Neither is one whose creation was completed, whatever its UUID is. Whether it runs says nothing: `onboot` of its
 * template starts it with its node.
 */
export function isNew(vm: VirtualMachine, guest: Pick<Guest, 'config'>): boolean {
  const { uid } = vm.metadata;
  const { cloneType, createdAt, internal } = vm.status ?? {};
  if (createdAt !== undefined) return false;
  return cloneType !== undefined && internal?.uuid !== uid && smbiosUuidOf(guest.config) !== uid;
}
