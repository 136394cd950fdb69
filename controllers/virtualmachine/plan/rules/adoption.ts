/** An existing guest is adopted: its VMID is recorded, then our mark is written into its description. */
import { isProven, markFor, smbiosUuidOf } from '../../../shared/guests/identity.ts';
import { describeGuest, printMark, withoutMark } from '../../../shared/guests/owner-mark.ts';
import { isAdopting, awaitsAdoption, isAdoptable } from '../../ownership/adoption.ts';
import { isAdopted, isOwn } from '../../ownership/identity.ts';
import { isNamed, ownerNamed } from '../../ownership/words.ts';
import type { Guest } from '../../../shared/guests/model.ts';
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
  if (claim !== undefined) return undefined;
  switch (candidate?.kind) {
    case 'seen':
      return refusal(candidate.guest, want) ?? claimOf(candidate.guest, want);
    case 'absent':
      return refuse(
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
};

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

function refusal(guest: Guest, want: Extract<Desired, { exists: true }>): RuleResult | undefined {
  const { vmid, mark, template, container, config } = guest;
  if (isOwn(guest, want.owner, undefined) || isAdoptable(guest, want)) return undefined;
  if (container) return notAdopted(`${vmid} is a container`, 'Only virtual machines can be adopted.');
  if (template) return notAdopted(`VM ${vmid} is a template`, 'To create VMs from it, name it in a VMImage.');
  if (mark === undefined) return undefined;
  const owner = ownerNamed(mark, want.owner);
  if (isProven(mark, smbiosUuidOf(config)))
    return notAdopted(
      `VM ${vmid} belongs to ${owner}`,
      'Delete that VirtualMachine with deletionPolicy Retain first, which releases the VM.',
    );
  const line = isNamed(mark, want.owner) ? `this line: ${printMark(mark)}` : 'the line with the owner mark.';
  return notAdopted(
    `VM ${vmid} has the owner mark of ${owner}, but another SMBIOS UUID, as a copy of its VM has`,
    `If that VirtualMachine has another VM, remove from the description of VM ${vmid} ${line}`,
  );
}

const notAdopted = (why: string, remedy: string): RuleResult =>
  refuse('NotAdoptable', `${why}, so it is not adopted and not changed. ${remedy}`, 60_000);
