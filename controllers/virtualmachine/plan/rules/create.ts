/** Creates a guest: first its VMID is recorded, then one clone is requested under that VMID. */
import type { Reason } from '../../../../src/api/index.ts';
import type { Vmid } from '../../../../src/lib/units.ts';
import type { Creation } from '../../../shared/placement/model.ts';
import { isChosen } from '../../placement/chosen.ts';
import type { Claim, Observed } from '../../model/observed.ts';
import type { RuleResult } from '../../model/plan.ts';
import type { Desired } from '../../model/desired.ts';
import type { Rule } from './rule.ts';
import { act } from './rule.ts';
import { refuse, wait } from '../../../shared/plan/rule.ts';

type Wanted = Extract<Desired, { exists: true }>;

/** After a request without an answer, PVE may take this long to act on it. */
const OUTCOME_UNKNOWN_MS = 60_000;

/** A clone request may still be in flight, or have created a guest that is not listed yet. */
export const inDoubt = ({ certain, ageMs }: Claim, activeTasks: Observed['activeTasks']): boolean =>
  !certain && (ageMs < OUTCOME_UNKNOWN_MS || activeTasks.length > 0);

export const create: Rule = (want, { claim, presence, activeTasks, vmidTaken }) => {
  if (!want.exists || presence.kind === 'seen') return undefined;
  if (!want.creation.ok && !claim?.made) return refused(want.creation);
  if (claim === undefined) return reserve(want.vmid, vmidTaken);
  if (presence.kind === 'unknown')
    return wait(presence.reason ?? 'CannotProveAbsence', presence.message, 5_000);
  if (claim.made)
    return refuse(
      'GuestMissing',
      `VM ${claim.vmid} no longer exists in Proxmox VE, although this object was not deleted. The operator does not create it again. ` +
        `Restore it from a backup under the same VMID, or delete this object and apply it again to create a new VM.`,
      60_000,
    );
  if (inDoubt(claim, activeTasks))
    return wait(
      'CreateOutcomeUnknown',
      `It is unknown whether the request to create VM ${claim.vmid} reached Proxmox VE. The operator sends it again once it is certain that no earlier request is in progress.`,
      2_000,
    );
  return cloneOnceRecorded(want, claim);
};

/** Nothing that happens in Proxmox VE by itself resolves it. */
const ONLY_BY_PEOPLE: readonly Reason[] = [
  'CloneNotPossible',
  'CloudInitInvalid',
  'IgnitionInvalid',
  'SnapshotMissing',
];

const refused = ({ reason, message }: Extract<Creation, { ok: false }>): RuleResult =>
  ONLY_BY_PEOPLE.includes(reason) ? refuse(reason, message, 60_000) : wait(reason, message, 10_000);

function reserve(fixed: Vmid | undefined, vmidTaken: string | undefined): RuleResult {
  if (fixed === undefined) return act({ do: 'reserve' });
  return vmidTaken === undefined
    ? act({ do: 'reserve', fixed })
    : refuse(
        'VmidTaken',
        `${vmidTaken} This VM is not created until the VMID is free. Free it, or delete this object and apply it with another spec.vmid.`,
        15_000,
      );
}

function cloneOnceRecorded({ creation, name, owner }: Wanted, { vmid, placement }: Claim): RuleResult {
  if (!creation.ok) return wait(creation.reason, creation.message, 10_000);
  // What follows the clone depends on this choice, so it is recorded first.
  return isChosen(creation, placement)
    ? act({ do: 'clone', vmid, creation, name, owner })
    : act({ do: 'recordPlacement', creation });
}
