/** An existing guest is adopted: its VMID is recorded, then our mark is written into its description. */
import { isProven, markFor, smbiosUuidOf } from '../../../shared/guests/identity.ts';
import {
  describeGuest,
  isFormerOwner,
  printMark,
  withoutMark,
  type OwnerMark,
} from '../../../shared/guests/owner-mark.ts';
import {
  isAdopting,
  awaitsAdoption,
  isAdoptable,
  isOfImage,
  type Adopting,
} from '../../ownership/adoption.ts';
import { isAdopted, isOwn } from '../../ownership/identity.ts';
import { isNamed, ownerNamed } from '../../ownership/words.ts';
import type { Guest, Presence } from '../../../shared/guests/model.ts';
import type { Vmid } from '../../../../src/lib/units.ts';
import type { RuleResult } from '../../model/plan.ts';
import type { Desired } from '../../model/desired.ts';
import type { Rule } from './rule.ts';
import { act } from './rule.ts';
import { refuse, wait } from '../../../shared/plan/rule.ts';

/** Comes before creation: an object that adopts creates no guest. */
export const claimAdopted: Rule = (want, { claim, candidate, presence }) => {
  if (!isAdopting(want, claim)) return undefined;
  // Somebody destroyed it before it was ours.
  if (claim && !claim.made && presence.kind === 'absent')
    return act({ do: 'releaseClaim', vmid: claim.vmid });
  return claim === undefined ? claimCandidate(want, candidate) : undefined;
};

function claimCandidate(want: Adopting, candidate: Presence | undefined): RuleResult {
  // Whatever it is that may not be adopted: that it exists is not said either.
  if (want.adoptDenied && candidate && !isTheirs(candidate, want)) return notGranted(want.adopt);
  switch (candidate?.kind) {
    case 'seen':
      return refusal(candidate.guest, want) ?? claimOf(candidate.guest, want);
    case 'absent':
      return wait(
        'AdoptedVMNotFound',
        `VM ${want.adopt} not found in Proxmox VE, so there is nothing to adopt; no VM is created instead. Correct spec.adopt.vmid, or remove spec.adopt to create a VM.`,
        15_000,
      );
    case 'unknown':
      return wait(candidate.reason ?? 'CannotProveAbsence', candidate.message, 5_000);
    case 'notMade':
    case undefined:
      return wait('ProviderNotReady', 'The operator has not read the Proxmox VE cluster yet.', 5_000);
  }
}

const isTheirs = (candidate: Presence, want: Adopting): boolean =>
  candidate.kind === 'seen' &&
  (isOwn(candidate.guest, want.owner, undefined) || isAdoptable(candidate.guest, want));

const notGranted = (vmid: Vmid): RuleResult =>
  wait(
    'AdoptedVMNotFound',
    `Proxmox VE has no VM ${vmid} that VMs of this namespace may adopt; no VM is created instead. Correct spec.adopt.vmid, remove spec.adopt to create a VM, or ask the owner of the Provider to grant it (spec.grants[].adopt).`,
    15_000,
  );

/** A guest that the operator made for this very object is not adopted: it is recovered. */
function claimOf(guest: Guest, { owner }: Desired): RuleResult {
  const recovers = isOwn(guest, owner, undefined);
  const adopts = !recovers || isAdopted(guest, owner);
  return act({
    do: 'reserve',
    vmid: guest.vmid,
    ...(recovers && { recovers }),
    ...(adopts && { adopts }),
  });
}

/** Takes the place of the ownership rule for a guest that is to become ours. */
export const markAdopted: Rule = (want, { claim, presence }) => {
  if (presence.kind !== 'seen' || !awaitsAdoption(want, claim, presence.guest)) return undefined;
  const { config, digest } = presence.guest;
  const mark = markFor(want.owner, smbiosUuidOf(config));
  const description = describeGuest(mark, withoutMark(config['description'] ?? ''));
  return act({ do: 'adopt', description, digest });
};

function refusal(guest: Guest, want: Adopting): RuleResult | undefined {
  const { vmid, mark, template, container } = guest;
  if (isOwn(guest, want.owner, undefined) || isAdoptable(guest, want)) return undefined;
  if (container) return notAdopted(`${vmid} is a container`, 'Only virtual machines can be adopted.');
  if (template) return notAdopted(`VM ${vmid} is a template`, 'To create VMs from it, name it in a VMImage.');
  if (!want.adoptDenied && isOfImage(guest))
    return notAdopted(
      `VM ${vmid} has the mark of a VMImage, for which it is being made into a template`,
      'If it is a copy of such a template, remove the line that begins with "virtrigaud-image:" from its description.',
    );
  return mark && ownedByOther(guest, mark, want.owner);
}

function ownedByOther({ vmid, config }: Guest, mark: OwnerMark, reader: OwnerMark): RuleResult {
  const owner = ownerNamed(mark, reader);
  // The line is not repeated: whoever confirms has seen it in Proxmox VE.
  if (isFormerOwner(mark, reader))
    return notAdopted(
      `VM ${vmid} belongs to ${owner}`,
      `If that installation no longer manages the VM, confirm it: set spec.adopt.confirmMark to the line that starts with "virtrigaud: " in the description of VM ${vmid}.`,
    );
  if (isProven(mark, smbiosUuidOf(config)))
    return notAdopted(
      `VM ${vmid} belongs to ${owner}`,
      'Delete that VirtualMachine with deletionPolicy Retain first, which releases the VM.',
    );
  const line = isNamed(mark, reader) ? `this line: ${printMark(mark)}` : 'the line with the owner mark.';
  return notAdopted(
    `VM ${vmid} has the owner mark of ${owner}, but another SMBIOS UUID, as a copy of its VM has`,
    `If that VirtualMachine has another VM, remove from the description of VM ${vmid} ${line}`,
  );
}

const notAdopted = (why: string, remedy: string): RuleResult =>
  refuse('NotAdoptable', `${why}, so it is not adopted and not changed. ${remedy}`, 60_000);
