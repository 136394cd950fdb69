/**
 * An object without a VMID recognizes the guest that it, or an earlier object of its name, had: no second guest is
 * created. Its status may have been lost, as in a restore of the API server, or the cluster rebuilt from Git.
 */
import { BESIDE_OTHERS } from '../../../../src/api/index.ts';
import { isProven } from '../../../shared/guests/identity.ts';
import type { MarkedGuest } from '../../../shared/guests/marks.ts';
import { isFormerOwner, isSameOwner, printMark, type OwnerMark } from '../../../shared/guests/owner-mark.ts';
import { candidates, guestAt, guestsAt, orDeleteByForce, settlingLines } from '../../ownership/words.ts';
import type { Desired } from '../../model/desired.ts';
import type { RuleResult } from '../../model/plan.ts';
import type { Rule } from './rule.ts';
import { act } from './rule.ts';
import { refuse } from '../../../shared/plan/rule.ts';

type Candidates = readonly [MarkedGuest, ...MarkedGuest[]];

const RETRY_AFTER_MS = 60_000;

const isSome = (all: readonly MarkedGuest[]): all is Candidates => all.length > 0;

export const recognition: Rule = (want, { namesakes, claim }) => {
  if (!want.exists || claim !== undefined) return undefined;
  const former = namesakes.filter(({ mark }) => isFormerOwner(mark, want.owner));
  return ownGuest(want, namesakes) ?? (isSome(former) ? belongsToFormer(former, want.owner) : undefined);
};

/** An object that is deleted takes its own guest with it, also if its status was lost before. */
export const recovery: Rule = (want, { namesakes, claim }) =>
  want.exists || claim !== undefined ? undefined : ownGuest(want, namesakes);

function ownGuest(want: Desired, namesakes: readonly MarkedGuest[]): RuleResult | undefined {
  const { owner } = want;
  const own = namesakes.filter(({ mark }) => isSameOwner(mark, owner));
  const proven = own.filter(({ mark, uuid }) => isProven(mark, uuid));
  if (isSome(proven)) return proven.length === 1 ? recovered(proven[0], owner) : ambiguous(proven, want);
  return isSome(own) ? unproven(own, want) : undefined;
}

/** Copies of it, which have another UUID, are none of its concern. */
const recovered = ({ vmid, uuid }: MarkedGuest, { uid }: OwnerMark): RuleResult =>
  act({ do: 'reserve', vmid, recovers: true, ...(uuid !== uid && { adopts: true }) });

const ambiguous = (all: Candidates, want: Desired): RuleResult =>
  refuse(
    'AmbiguousIdentity',
    `Several VMs have the owner mark and the SMBIOS UUID of this object, as after a backup was restored under another VMID: ${candidates(all)}. The operator changes none of them and creates no other.${orDeleteByForce(want)} ` +
      `Keep this line in the description of the VM of this object, and remove it from the description of every other: ${printMark(all[0].mark)}`,
    RETRY_AFTER_MS,
  );

function unproven(all: Candidates, want: Desired): RuleResult {
  const { owner } = want;
  const [one, ...others] = all;
  if (others.length === 0)
    return refuse(
      'UuidMismatch',
      `${guestAt(one)} has the owner mark of this object, but another SMBIOS UUID (${one.uuid ?? 'none'}), as a copy has, so the operator does not change it and creates no other.${orDeleteByForce(want)} ` +
        `If it is a copy, remove the line of the mark from its description. ` +
        `If it is the VM of this object, ${want.exists ? `set spec.adopt.vmid to ${one.vmid}, or ` : ''}replace that line with: ${settlingLines(all, owner)}`,
      RETRY_AFTER_MS,
    );
  return refuse(
    'AmbiguousIdentity',
    `Several VMs have the owner mark of this object, but another SMBIOS UUID, as copies have: ${guestsAt(all)}. The operator changes none of them and creates no other.${orDeleteByForce(want)} ` +
      `Remove the line of the mark from the descriptions of copies. ` +
      `For the VM of this object, ${want.exists ? 'set spec.adopt.vmid to its VMID, or ' : ''}replace that line with: ${settlingLines(all, owner)}`,
    RETRY_AFTER_MS,
  );
}

function belongsToFormer(all: Candidates, owner: OwnerMark): RuleResult {
  const [{ vmid, mark }] = all;
  const several = all.length > 1;
  const which = several ? candidates(all) : `VM ${vmid}`;
  const was = several ? 'were' : 'was';
  const confirm =
    mark.cluster === owner.cluster ? '' : ' and spec.adopt.confirmMark to the last line of its description';
  const adopt = `set spec.adopt.vmid to ${several ? 'the VMID of one of them' : vmid}${confirm}, or replace the last line of its description with: ${settlingLines(all, owner)}`;
  return refuse(
    'BelongsToFormerObject',
    mark.cluster === owner.cluster
      ? `${which} ${was} created for an earlier object of this name (uid ${mark.uid}), so no second VM is created. To have a new VM created, remove the line of the mark from the description of ${several ? 'each' : `VM ${vmid}`}, which is then left alone, or delete ${several ? 'them' : 'it'}. ${several ? 'To adopt one of them instead' : 'To adopt it instead'}, ${adopt}`
      : `${which} ${was} created for an object of this namespace and name in the Kubernetes installation ${mark.cluster}, so no second VM is created. ` +
          `If it is another cluster that is still in use, annotate this object with ${BESIDE_OTHERS}: "true" to create a VM of its own. ` +
          `If that was this cluster before it was rebuilt, adopt the VM: ${adopt}`,
    RETRY_AFTER_MS,
  );
}
