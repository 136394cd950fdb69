/** A guest comes into being: number first, written down; then one clone under that number. */
import type { Vmid } from '../../../../src/lib/units.ts';
import { isChosen } from '../../placement/chosen.ts';
import type { Claim, Observed } from '../../model/observed.ts';
import type { Plan } from '../../model/plan.ts';
import type { Desired } from '../../model/desired.ts';
import type { Rule } from './rule.ts';
import { act } from './rule.ts';
import { refuse, wait } from '../../../shared/plan/rule.ts';

type Wanted = Extract<Desired, { exists: true }>;

/** So long after a request without an answer PVE may still be at it. */
const OUTCOME_UNKNOWN_MS = 60_000;

/** A clone request may still be under way, or have made a guest that does not show yet. */
export const inDoubt = ({ certain, ageMs }: Claim, activeTasks: Observed['activeTasks']): boolean =>
  !certain && (ageMs < OUTCOME_UNKNOWN_MS || activeTasks.length > 0);

export const create: Rule = (want, { claim, presence, activeTasks, vmidTaken }) => {
  if (!want.exists || presence.kind === 'seen') return undefined;
  if (!want.creation.ok && !claim?.made) return wait(want.creation.reason, want.creation.message, 10_000);
  if (claim === undefined) return reserve(want.vmid, vmidTaken);
  if (presence.kind === 'unknown')
    return wait(presence.reason ?? 'CannotProveAbsence', presence.message, 5_000);
  if (claim.made)
    return refuse(
      'GuestMissing',
      `VM ${claim.vmid} is gone from Proxmox VE, and it was not deleted through this object. It is not created again by itself: ` +
        `restore it from a backup under the same VMID, or delete this object and apply it again for a new VM.`,
      60_000,
    );
  if (inDoubt(claim, activeTasks))
    return wait(
      'CreateOutcomeUnknown',
      `It is not known whether the request to create VM ${claim.vmid} reached Proxmox VE. It is sent again once it is certain that nothing is under way.`,
      2_000,
    );
  return cloneOnceChosen(want, claim);
};

function reserve(fixed: Vmid | undefined, vmidTaken: string | undefined): Plan {
  if (fixed === undefined) return act({ do: 'reserve' });
  return vmidTaken === undefined
    ? act({ do: 'reserve', fixed })
    : refuse(
        'VmidTaken',
        `${vmidTaken} It is left alone, and this VM is not created while that is so. Free the number, or delete this object and apply it with another spec.vmid.`,
        15_000,
      );
}

function cloneOnceChosen({ creation, name, owner }: Wanted, { vmid, placement }: Claim): Plan {
  if (!creation.ok) return wait(creation.reason, creation.message, 10_000);
  // What becomes of the guest after the clone rests on it, so it is written down first.
  return isChosen(creation, placement)
    ? act({ do: 'clone', vmid, creation, name, owner })
    : act({ do: 'recordPlacement', creation });
}
