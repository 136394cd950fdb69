/** A guest that is not proven to be ours is never changed. */
import { isProven, smbiosUuidOf } from '../../../shared/guests/identity.ts';
import { isSameOwner } from '../../../shared/guests/owner-mark.ts';
import type { Guest } from '../../../shared/guests/model.ts';
import { awaitsAdoption } from '../../ownership/adoption.ts';
import { isOwn } from '../../ownership/identity.ts';
import { orDeleteByForce, ownerNamed, settlingLine } from '../../ownership/words.ts';
import type { Claim } from '../../model/observed.ts';
import type { RuleResult } from '../../model/plan.ts';
import type { Desired } from '../../model/desired.ts';
import type { Rule } from './rule.ts';
import { afterUnmark } from './retention.ts';
import { act } from './rule.ts';
import { refuse } from '../../../shared/plan/rule.ts';

const RETRY_AFTER_MS = 60_000;

export const ownership: Rule = (want, have) => {
  const { presence, claim } = have;
  if (presence.kind !== 'seen' || claim === undefined) return undefined;
  const { guest } = presence;
  if (isOwn(guest, want.owner, claim) || awaitsAdoption(want, claim, guest)) return undefined;
  if (isReleased(want, guest, claim)) return afterUnmark(guest, have);
  // Before we created anything the VMID is only a plan: someone was faster, so we take another.
  if (!claim.made) return act({ do: 'releaseClaim', vmid: guest.vmid });
  if (isSameOwner(guest.mark, want.owner)) return uuidMismatch(want, guest);
  // Somebody removed our line from its description; by its SMBIOS UUID it is ours all the same.
  if (hasOurUuid(guest, want, claim)) return markMissing(want, guest);
  // When the object is deleted, a foreign guest under its VMID does not concern us.
  if (!want.exists) return act({ do: 'releaseClaim', vmid: guest.vmid });
  return notOurs(want, guest);
};

/** The object is being deleted, its guest stays, and the mark is removed already. */
const isReleased = (want: Desired, { mark }: Guest, { made }: Claim): boolean =>
  !want.exists && want.deletionPolicy !== 'Delete' && made && mark === undefined;

/** And it is not proven to be another's. */
function hasOurUuid({ mark, config }: Guest, { owner }: Desired, claim: Claim): boolean {
  const uuid = smbiosUuidOf(config);
  return uuid !== undefined && (uuid === owner.uid || uuid === claim.uuid) && !isProven(mark, uuid);
}

const markMissing = (want: Desired, { vmid, config }: Guest): RuleResult =>
  refuse(
    'MarkMissing',
    `The owner mark is missing from the description of VM ${vmid}, so the operator does not change it.${orDeleteByForce(want)} If it is the VM of this object, add this line to its description: ${settlingLine(want.owner, smbiosUuidOf(config))}`,
    RETRY_AFTER_MS,
  );

function uuidMismatch(want: Desired, { vmid, config }: Guest): RuleResult {
  const uuid = smbiosUuidOf(config);
  const adopt = want.exists ? `set spec.adopt.vmid to ${vmid}, or ` : '';
  return refuse(
    'UuidMismatch',
    `VM ${vmid} has the owner mark of this object, but another SMBIOS UUID (${uuid ?? 'none'}), as a copy or a backup that was restored with new identifiers has. The operator does not change it.${orDeleteByForce(want)} ` +
      `If it is the VM of this object, ${adopt}replace the line of the mark in its description with: ${settlingLine(want.owner, uuid)}`,
    RETRY_AFTER_MS,
  );
}

function notOurs({ owner }: Desired, { vmid, mark, config }: Guest): RuleResult {
  const whose = mark
    ? `belongs to ${ownerNamed(mark, owner)}`
    : 'does not carry the owner mark of this object';
  const how = mark
    ? 'replace the line of the mark in its description with'
    : 'add this line to its description';
  return refuse(
    'NotOurs',
    `VM ${vmid} ${whose}, so the operator does not change it. If it is the VM of this object, ${how}: ${settlingLine(owner, smbiosUuidOf(config))}`,
    RETRY_AFTER_MS,
  );
}
