/** Whether an object whose spec.adopt names an existing guest may adopt it. Pure. */
import { isFormerOwner, isSameOwner } from '../../shared/guests/owner-mark.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Claim } from '../model/observed.ts';
import type { Desired } from '../model/desired.ts';
import { isOwn } from './identity.ts';

/** The spec asks to adopt a guest, and the object has no other VMID. */
export const isAdopting = (want: Desired, claim: Pick<Claim, 'vmid'> | undefined): want is Adopting =>
  want.exists && want.adopt !== undefined && (claim === undefined || claim.vmid === want.adopt);

type Adopting = Extract<Desired, { exists: true }> & {
  readonly adopt: NonNullable<Extract<Desired, { exists: true }>['adopt']>;
};

/**
 * It has no owner, was created for an earlier object of this namespace and name, or has a mark of this object that
 * nothing proves: naming it in the spec settles that.
 */
export const isAdoptable = ({ mark, template, container }: Guest, { owner }: Desired): boolean =>
  !template &&
  container !== true &&
  (mark === undefined || isFormerOwner(mark, owner) || isSameOwner(mark, owner));

/** It is not ours yet, and the spec says to adopt it. */
export const awaitsAdoption = (want: Desired, claim: Claim | undefined, guest: Guest): boolean =>
  isAdopting(want, claim) &&
  claim !== undefined &&
  claim.vmid === guest.vmid &&
  !isOwn(guest, want.owner, claim) &&
  isAdoptable(guest, want);
