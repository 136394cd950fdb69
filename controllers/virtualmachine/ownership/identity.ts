/** Whether a guest is that of an object. Pure. */
import { isProven, smbiosUuidOf } from '../../shared/guests/identity.ts';
import { isSameOwner, type OwnerMark } from '../../shared/guests/owner-mark.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Claim } from '../model/observed.ts';

/** It carries the object's mark, and the SMBIOS UUID or the claim in status proves the mark. */
export function isOwn(guest: Guest, owner: OwnerMark, claim: Claim | undefined): boolean {
  if (!isSameOwner(guest.mark, owner)) return false;
  return isProven(guest.mark, smbiosUuidOf(guest.config)) || isClaimed(guest, claim);
}

/** It has the UUID that status recorded; before that, it is what our clone request made. */
function isClaimed({ vmid, config }: Guest, claim: Claim | undefined): boolean {
  if (claim?.vmid !== vmid) return false;
  if (claim.uuid !== undefined) return claim.uuid === smbiosUuidOf(config);
  return !claim.made && claim.placement !== undefined;
}

/** It was adopted: its UUID is not the one that the operator gives to the guests that it makes. */
export const isAdopted = ({ config }: Guest, { uid }: OwnerMark): boolean => smbiosUuidOf(config) !== uid;
