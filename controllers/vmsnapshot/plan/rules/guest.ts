/** Nothing is done, and nothing concluded, on a guest that is not proven to be that of the VM. Pure. */
import { refuse, wait } from '../../../shared/plan/rule.ts';
import type { Desired } from '../../model/desired.ts';
import type { Observed } from '../../model/observed.ts';
import type { RuleResult } from '../../model/plan.ts';
import { gone, type Rule } from './rule.ts';

const RETRY_AFTER_MS = 60_000;

export const guest: Rule = (want, have) => {
  const { presence, name } = have;
  switch (presence.kind) {
    case 'seen':
      return have.proven ? undefined : unproven(want, have);
    case 'absent':
      // The list of guests may be older than the clone.
      if (want.exists && have.incomplete !== undefined) return wait('VMNotReady', have.incomplete, 15_000);
      // Its snapshots were destroyed with it.
      return want.exists
        ? refuse(
            'GuestMissing',
            `VM ${want.vmid} no longer exists in Proxmox VE, ${name === undefined ? 'so no snapshot can be taken' : 'and its snapshots with it'}. The condition Ready of VirtualMachine ${want.owner.name} says what to do.`,
            5 * RETRY_AFTER_MS,
          )
        : gone;
    case 'notMade':
      return undefined;
    case 'unknown':
      return wait(presence.reason ?? 'CannotProveAbsence', presence.message, 15_000);
    default:
      return presence satisfies never;
  }
};

function unproven({ vmid, exists }: Desired, { name, incomplete }: Observed): RuleResult {
  if (incomplete === undefined) return notProven(vmid, exists);
  // A guest that is being cloned has no proof of its own yet, and no snapshot was taken of it.
  if (exists) return wait('VMNotReady', incomplete, 15_000);
  return name === undefined ? gone : notProven(vmid, exists);
}

const notProven = (vmid: number, exists: boolean) =>
  refuse(
    'NotOurs',
    `VM ${vmid} is not proven to be that of the VirtualMachine: its owner mark or its SMBIOS UUID differs. So its snapshots are neither taken nor deleted. The condition Ready of the VirtualMachine says what to do.` +
      (exists ? '' : ' To delete only this object, set spec.deletionPolicy to Retain.'),
    RETRY_AFTER_MS,
  );
