/** Whether an object whose spec.adopt names an existing guest may adopt it. Pure. */
import {
  isFormerOwner,
  isSameOwner,
  parseMark,
  printMark,
  type OwnerMark,
} from '../../shared/guests/owner-mark.ts';
import { parseImageMark } from '../../shared/guests/image-mark.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Claim } from '../model/observed.ts';
import type { Desired } from '../model/desired.ts';
import { isOwn } from './identity.ts';

/** The spec asks to adopt a guest, and the object has no other VMID. */
export const isAdopting = (want: Desired, claim: Pick<Claim, 'vmid'> | undefined): want is Adopting =>
  want.exists && want.adopt !== undefined && (claim === undefined || claim.vmid === want.adopt);

export type Adopting = Extract<Desired, { exists: true }> & {
  readonly adopt: NonNullable<Extract<Desired, { exists: true }>['adopt']>;
};

/**
 * It has no owner and the Provider grants it, was created for an earlier object of this namespace and name, or has a mark
 * of this object that nothing proves: naming it in the spec settles that.
 */
export const isAdoptable = (guest: Guest, want: Adopter): boolean => {
  const { mark, template, container } = guest;
  if (template || container === true) return false;
  return mark === undefined ? !want.adoptDenied && !isOfImage(guest) : mayTake(mark, want);
};

/** It is being made into a template, or is a copy of one that somebody made in PVE; nobody's VM says so of itself. */
export const isOfImage = ({ mark, config }: Pick<Guest, 'mark' | 'config'>): boolean =>
  mark === undefined && parseImageMark(config['description']) !== undefined;

type Adopter = Pick<Extract<Desired, { exists: true }>, 'owner' | 'adoptDenied' | 'confirmMark'>;

/** A namespace and a name of another installation say nothing about whose guest it is here. */
function mayTake(mark: OwnerMark, { owner, adoptDenied, confirmMark }: Adopter): boolean {
  if (isSameOwner(mark, owner)) return true;
  if (!isFormerOwner(mark, owner)) return false;
  return isOfThisInstallation(mark, owner) || (!adoptDenied && isConfirmed(mark, confirmMark));
}

export const isOfThisInstallation = (mark: OwnerMark, { cluster }: OwnerMark): boolean =>
  mark.cluster === cluster;

/** The spec repeats the mark as it is, so nobody gives up another guest by a mistake in its number. */
function isConfirmed(mark: OwnerMark, line: string | undefined): boolean {
  const confirmed = parseMark(line);
  return confirmed !== undefined && printMark(confirmed) === printMark(mark);
}

/** It is not ours yet, and the spec says to adopt it. */
export const awaitsAdoption = (want: Desired, claim: Claim | undefined, guest: Guest): boolean =>
  isAdopting(want, claim) &&
  claim !== undefined &&
  claim.vmid === guest.vmid &&
  !isOwn(guest, want.owner, claim) &&
  isAdoptable(guest, want);
