/** Who has the VMID that a spec asks for. Pure. */
import type { GuestView } from '../../../src/pve/index.ts';
import type { Vmid } from '../../../src/lib/units.ts';
import { isOwnersGrant } from '../../shared/grants/grants.ts';
import type { Claim } from '../model/observed.ts';
import type { Creation } from '../../shared/placement/model.ts';
import type { PlainSpec } from '../model/resolved-spec.ts';
import type { ClusterFacts } from '../model/surroundings.ts';

interface Wanted {
  readonly spec: PlainSpec;
  readonly claim: Claim | undefined;
  readonly creation: Creation;
}

const numberOf = ({ spec: { shape }, claim, creation }: Wanted): Vmid | undefined =>
  claim || !creation.ok ? undefined : shape?.vmid;

/**
 * The VMID to ask PVE about; `undefined`: there is no need. PVE sees guests that our credentials may not see, and no
 * longer one that was deleted a moment ago, which the list of guests may still have.
 */
export const vmidToAskAbout = (wanted: Wanted): Vmid | undefined => numberOf(wanted);

/** A sentence; `undefined`: nobody has it, or there is no need to know. */
export function vmidHolder(
  wanted: Wanted,
  { view }: ClusterFacts,
  isFree: boolean | undefined,
): string | undefined {
  const number = numberOf(wanted);
  if (number === undefined) return undefined;
  if (isFree === true) return undefined;
  const row = view?.guests.get(number);
  if (!isOwnersGrant(wanted.spec.grant))
    return row || isFree === false ? `VMID ${number} is in use.` : undefined;
  if (row) return `VMID ${number} belongs to ${describe(row)} on node ${row.node}.`;
  return isFree === false ? `VMID ${number} belongs to a guest that the credentials may not see.` : undefined;
}

function describe({ type, template, name }: GuestView): string {
  const kind = type === 'lxc' ? 'the container' : template ? 'the template' : 'the VM';
  return name === undefined ? kind : `${kind} "${name}"`;
}
