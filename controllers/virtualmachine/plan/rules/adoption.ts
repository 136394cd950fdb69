/** A guest that exists is taken over: its number is written down, then our mark goes into its description. */
import { describeGuest, isSameOwner, withoutMark } from '../../../shared/guests/owner-mark.ts';
import { adopting, awaitsAdoption, isAdoptable } from '../adoption.ts';
import type { Guest } from '../../../shared/guests/model.ts';
import type { Plan } from '../../model/plan.ts';
import type { Desired } from '../../model/desired.ts';
import type { Rule } from './rule.ts';
import { act } from './rule.ts';
import { refuse, wait } from '../../../shared/plan/rule.ts';

/** Before anything is made: an object that adopts makes no guest. */
export const claimAdopted: Rule = (want, { claim, candidate, presence }) => {
  if (!adopting(want, claim)) return undefined;
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
        `Proxmox VE has no VM ${want.adopt}, so there is nothing to adopt, and none is created in its place. Correct spec.adopt.vmid, or remove spec.adopt to have a new VM made.`,
        15_000,
      );
    case 'unknown':
      return wait(candidate.reason ?? 'CannotProveAbsence', candidate.message, 5_000);
    case 'notMade':
    case undefined:
      return wait('ProviderNotReady', 'The Proxmox VE cluster was not read yet.', 5_000);
  }
};

/** In place of the ownership rule for a guest that is to become ours. */
export const stampAdopted: Rule = (want, { claim, presence }) => {
  if (presence.kind !== 'seen' || !awaitsAdoption(want, claim, presence.guest)) return undefined;
  const { config, digest } = presence.guest;
  const description = describeGuest(want.owner, withoutMark(config['description'] ?? ''));
  return act({ do: 'adopt', description, digest });
};

function refusal(guest: Guest, want: Extract<Desired, { exists: true }>): Plan | undefined {
  const { vmid, mark, template, container } = guest;
  if (isSameOwner(mark, want.owner) || isAdoptable(guest, want)) return undefined;
  if (container) return notAdopted(`${vmid} is a container`, 'Only virtual machines can be adopted.');
  if (template)
    return notAdopted(`VM ${vmid} is a template`, 'Name it in a VMImage to have VMs made from it.');
  return notAdopted(
    `VM ${vmid} belongs to ${mark?.namespace ?? ''}/${mark?.name ?? ''}`,
    'Delete that VirtualMachine with deletionPolicy Retain first, which lets the VM go.',
  );
}

const notAdopted = (why: string, cure: string): Plan =>
  refuse('NotAdoptable', `${why}, so it is not adopted and left alone. ${cure}`, 60_000);
