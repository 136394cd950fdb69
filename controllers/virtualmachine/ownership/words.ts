/** How guests whose owner is in doubt, and what settles the doubt, are named in messages. Pure. */
import { isProven, markFor } from '../../shared/guests/identity.ts';
import { namedFor } from '../../shared/objects/named-for.ts';
import type { Desired } from '../model/desired.ts';
import type { MarkedGuest } from '../../shared/guests/marks.ts';
import { printMark, type OwnerMark } from '../../shared/guests/owner-mark.ts';
import { FORCE_DELETE } from '../../../src/api/index.ts';
import type { NodeName, Vmid } from '../../../src/lib/units.ts';

/** A message has room for so many. */
const MAX_NAMED = 3;

type Candidate = Pick<MarkedGuest, 'vmid' | 'node' | 'mark' | 'uuid'>;

interface At {
  readonly vmid: Vmid;
  readonly node: NodeName;
}

export const guestAt = ({ vmid, node }: At): string => `VM ${vmid} on node ${node}`;

function listed<T>(all: readonly T[], words: (each: T) => string): string {
  const named = all.slice(0, MAX_NAMED).map(words);
  return [...named, ...(all.length > MAX_NAMED ? [`${all.length - MAX_NAMED} more`] : [])].join(', ');
}

export const guestsAt = (all: readonly At[]): string => listed(all, guestAt);

/** Each guest; one whose UUID does not agree with its mark is a copy. */
export const candidates = (all: readonly Candidate[]): string =>
  listed(all, (each) => `${guestAt(each)}${isProven(each.mark, each.uuid) ? '' : ' (another UUID: a copy)'}`);

/** Whose guest it is, for those who may read the objects of the namespace of `reader`. */
export const ownerNamed = (mark: OwnerMark, reader: OwnerMark): string =>
  mark.cluster === reader.cluster
    ? namedFor(reader.namespace, 'VirtualMachine', mark)
    : 'a VirtualMachine of another Kubernetes installation';

/** Whether the reader may know it by its name. */
export const isNamed = (mark: OwnerMark, reader: OwnerMark): boolean =>
  mark.cluster === reader.cluster && mark.namespace === reader.namespace;

/** The line that makes the guest that of the owner, for each guest. */
export const settlingLines = (all: readonly Candidate[], owner: OwnerMark): string =>
  all.length === 1
    ? all.map((each) => settlingLine(owner, each.uuid)).join('')
    : all
        .slice(0, MAX_NAMED)
        .map(({ vmid, uuid }) => `${settlingLine(owner, uuid)} (VM ${vmid})`)
        .join(', ');

export const settlingLine = (owner: OwnerMark, uuid: string | undefined): string =>
  printMark(markFor(owner, uuid));

/** The finalizer stays until it is known whose guest it is. */
export const orDeleteByForce = (want: Desired): string =>
  want.exists
    ? ''
    : ` To delete the object and leave the VM as it is, set the annotation ${FORCE_DELETE}: "true".`;
