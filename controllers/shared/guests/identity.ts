/**
 * Whose guest it is. Cloning a guest copies its description and with it the mark, but Proxmox VE gives the clone an
 * SMBIOS UUID of its own (qemu-server, clone_vm). So the mark counts only together with the UUID that belongs to it: the
 * uid of the object for a guest that the operator made and configured, and the one in the line of the mark for a guest
 * that was adopted. Pure.
 */
import { parseProperties, property } from '../../../src/pve/index.ts';
import type { Guest, GuestConfig } from './model.ts';
import { isSameOwner, type OwnerMark } from './owner-mark.ts';

/** The SMBIOS UUID of a guest, in lower case. */
export const smbiosUuidOf = (config: GuestConfig): string | undefined =>
  property(parseProperties(config['smbios1'] ?? ''), 'uuid')?.toLowerCase();

/** What the line of the mark says for a guest without a UUID. */
const NO_UUID = 'none';

/** The mark and the SMBIOS UUID agree. */
export const isProven = (mark: OwnerMark | undefined, uuid: string | undefined): boolean =>
  mark !== undefined && (uuid === mark.uid || (uuid ?? NO_UUID) === mark.uuid);

/**
 * Whether the guest carries the mark of this owner and the mark is proven.
 * @param recorded the SMBIOS UUID that status recorded of the guest
 */
export function isGuestOf(
  { mark, config }: Pick<Guest, 'mark' | 'config'>,
  owner: OwnerMark,
  recorded: string | undefined,
): boolean {
  if (!isSameOwner(mark, owner)) return false;
  const uuid = smbiosUuidOf(config);
  return isProven(mark, uuid) || (recorded !== undefined && recorded === uuid);
}

/** The mark that makes a guest with this UUID that of the owner: the line that settles a doubt. */
export const markFor = (
  { cluster, namespace, name, uid }: OwnerMark,
  uuid: string | undefined,
): OwnerMark => ({
  cluster,
  namespace,
  name,
  uid,
  ...(uuid !== uid && { uuid: uuid ?? NO_UUID }),
});
