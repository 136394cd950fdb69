/** A guest that does not carry our mark is never changed. */
import { BESIDE_OTHERS } from '../../../../src/api/index.ts';
import { formerOwner, printMark, sameOwner, type OwnerMark } from '../../../shared/guests/owner-mark.ts';
import { awaitsAdoption } from '../../ownership/adoption.ts';
import { smbiosUuidOf } from '../../config/hardware.ts';
import type { Guest } from '../../../shared/guests/model.ts';
import type { Claim } from '../../model/observed.ts';
import type { RuleResult } from '../../model/plan.ts';
import type { Desired } from '../../model/desired.ts';
import type { Rule } from './rule.ts';
import { afterUnmark } from './retention.ts';
import { act } from './rule.ts';
import { refuse } from '../../../shared/plan/rule.ts';

export const ownership: Rule = (want, have) => {
  const { presence, claim } = have;
  if (presence.kind !== 'seen' || claim === undefined) return undefined;
  const { guest } = presence;
  if (sameOwner(guest.mark, want.owner) || awaitsAdoption(want, claim, guest)) return undefined;
  if (isReleased(want, guest, claim)) return afterUnmark(guest, have);
  // Somebody removed our line from its description; by its SMBIOS UUID it is ours all the same.
  if (claim.made && smbiosUuidOf(guest.config) === want.owner.uid) return markMissing(guest.vmid, want.owner);
  // Before we created anything the VMID is only a plan: someone was faster, so we take another.
  // When the object is deleted, a foreign guest under its VMID does not concern us.
  if (!claim.made || !want.exists) return act({ do: 'releaseClaim', vmid: guest.vmid });
  const whose = guest.mark
    ? `belongs to ${guest.mark.namespace}/${guest.mark.name}`
    : 'does not carry the owner mark of this object';
  return refuse(
    'NotOurs',
    `VM ${guest.vmid} ${whose}, so the operator does not change it. If it is the VM of this object, add this line to its description: ${printMark(want.owner)}`,
    60_000,
  );
};

/** The object is being deleted, its guest stays, and the mark is removed already. */
const isReleased = (want: Desired, { mark }: Guest, { made }: Claim): boolean =>
  !want.exists && want.deletionPolicy !== 'Delete' && made && mark === undefined;

const markMissing = (vmid: number, owner: OwnerMark): RuleResult =>
  refuse(
    'MarkMissing',
    `The owner mark is missing from the description of VM ${vmid}, so the operator does not change it. Add this line to its description: ${printMark(owner)}`,
    60_000,
  );

/** The guest of an object of this name that was deleted or lost, as when a cluster is rebuilt from Git: no second guest is created. */
export const formerObject: Rule = (want, { namesake, claim }) => {
  if (!want.exists || claim !== undefined || namesake === undefined) return undefined;
  if (sameOwner(namesake.mark, want.owner)) return act({ do: 'reserve', vmid: namesake.vmid });
  if (!formerOwner(namesake.mark, want.owner)) return undefined;
  const { vmid, mark } = namesake;
  const adopt = `set spec.adopt.vmid to ${vmid}, or replace the last line of its description with: ${printMark(want.owner)}`;
  return refuse(
    'BelongsToFormerObject',
    mark.cluster === want.owner.cluster
      ? `VM ${vmid} was created for an earlier object of this name (uid ${mark.uid}), so no second VM is created. To adopt it, ${adopt} — or delete VM ${vmid} to have a new VM created.`
      : `VM ${vmid} was created for an object of this namespace and name in the Kubernetes installation ${mark.cluster}, so no second VM is created. ` +
          `If that was this cluster before it was rebuilt, adopt the VM: ${adopt}. If it is another cluster that is still in use, annotate this object with ${BESIDE_OTHERS}: "true" to create a VM of its own.`,
    60_000,
  );
};
