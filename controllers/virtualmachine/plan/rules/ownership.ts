/** A guest that does not carry our mark is never touched. */
import {
  BESIDE_OTHER_CLUSTERS,
  isFormerOwner,
  printMark,
  isSameOwner,
  type OwnerMark,
} from '../../../shared/guests/owner-mark.ts';
import { awaitsAdoption } from '../adoption.ts';
import { smbiosUuidOf } from '../../config/hardware.ts';
import type { Guest } from '../../../shared/guests/model.ts';
import type { Claim } from '../../model/observed.ts';
import type { Plan } from '../../model/plan.ts';
import type { Desired } from '../../model/desired.ts';
import type { Rule } from './rule.ts';
import { afterUnmark } from './retention.ts';
import { act } from './rule.ts';
import { refuse } from '../../../shared/plan/rule.ts';

export const ownership: Rule = (want, have) => {
  const { presence, claim } = have;
  if (presence.kind !== 'seen' || claim === undefined) return undefined;
  const { guest } = presence;
  if (isSameOwner(guest.mark, want.owner) || awaitsAdoption(want, claim, guest)) return undefined;
  if (isReleased(want, guest, claim)) return afterUnmark(guest, have);
  // Somebody took our line out of its description; by its SMBIOS UUID it is ours all the same.
  if (claim.made && smbiosUuidOf(guest.config) === want.owner.uid) return markMissing(guest.vmid, want.owner);
  // Before we made anything the number is only a plan: someone was faster, so we take another.
  // When the object goes, a stranger on its number is none of our business.
  if (!claim.made || !want.exists) return act({ do: 'releaseClaim', vmid: guest.vmid });
  const whose = guest.mark
    ? `belongs to ${guest.mark.namespace}/${guest.mark.name}`
    : 'carries no mark of ours';
  return refuse(
    'NotOurs',
    `VM ${guest.vmid} ${whose}, so it is left alone. If it is the VM of this object, put this line into its description: ${printMark(want.owner)}`,
    60_000,
  );
};

/** The object goes, its guest shall stay, and the mark is out of it already. */
const isReleased = (want: Desired, { mark }: Guest, { made }: Claim): boolean =>
  !want.exists && want.deletionPolicy !== 'Delete' && made && mark === undefined;

const markMissing = (vmid: number, owner: OwnerMark): Plan =>
  refuse(
    'MarkMissing',
    `VM ${vmid} no longer carries the line that says whose it is, so it is left alone. Put the line back into its description: ${printMark(owner)}`,
    60_000,
  );

/** The guest of an object of this name that was deleted or lost, as when a cluster is rebuilt from Git: never a second guest beside it. */
export const formerObject: Rule = (want, { namesake, claim }) => {
  if (!want.exists || claim !== undefined || namesake === undefined) return undefined;
  if (isSameOwner(namesake.mark, want.owner)) return act({ do: 'reserve', vmid: namesake.vmid });
  if (!isFormerOwner(namesake.mark, want.owner)) return undefined;
  const adopt = `To adopt it, set spec.adopt.vmid to ${namesake.vmid}, or replace the last line of its description by: ${printMark(want.owner)}`;
  return refuse(
    'BelongsToFormerObject',
    namesake.mark.cluster === want.owner.cluster
      ? `VM ${namesake.vmid} was made for an earlier object of this name (uid ${namesake.mark.uid}), so no second VM is created. ${adopt} — or delete VM ${namesake.vmid} to have a new one made.`
      : `VM ${namesake.vmid} was made for an object of this namespace and name in the Kubernetes installation ${namesake.mark.cluster}, so no second VM is created. ` +
          `If that was this cluster before it was rebuilt: ${adopt}. If it is another cluster that lives, annotate this object with ${BESIDE_OTHER_CLUSTERS}: "true" to have a VM of its own.`,
    60_000,
  );
};
