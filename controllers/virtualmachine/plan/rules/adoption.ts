/** An existing guest is adopted: its VMID is recorded, then our mark is written into its description. */
import { describeGuest, sameOwner, withoutMark } from '../../../shared/guests/owner-mark.ts';
import { isAdopting, awaitsAdoption, isAdoptable } from '../../ownership/adoption.ts';
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
      return refusal(candidate.guest, want) ?? act({ do: 'reserve', vmid: want.adopt, adopts: true });
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

/** Takes the place of the ownership rule for a guest that is to become ours. */
export const markAdopted: Rule = (want, { claim, presence }) => {
  if (presence.kind !== 'seen' || !awaitsAdoption(want, claim, presence.guest)) return undefined;
  const { config, digest } = presence.guest;
  const description = describeGuest(want.owner, withoutMark(config['description'] ?? ''));
  return act({ do: 'adopt', description, digest });
};

function refusal(guest: Guest, want: Extract<Desired, { exists: true }>): RuleResult | undefined {
  const { vmid, mark, template, container } = guest;
  if (sameOwner(mark, want.owner) || isAdoptable(guest, want)) return undefined;
  if (container) return notAdopted(`${vmid} is a container`, 'Only virtual machines can be adopted.');
  if (template) return notAdopted(`VM ${vmid} is a template`, 'To create VMs from it, name it in a VMImage.');
  return notAdopted(
    `VM ${vmid} belongs to ${mark?.namespace ?? ''}/${mark?.name ?? ''}`,
    'Delete that VirtualMachine with deletionPolicy Retain first, which releases the VM.',
  );
}

const notAdopted = (why: string, remedy: string): RuleResult =>
  refuse('NotAdoptable', `${why}, so it is not adopted and not changed. ${remedy}`, 60_000);
