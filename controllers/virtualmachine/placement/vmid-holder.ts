/** Who has the VMID that a spec asks for. Pure. */
import type { GuestView } from '../../../src/pve/index.ts';
import type { Vmid } from '../../../src/lib/units.ts';
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
  if (row) return `VMID ${number} belongs to ${describe(row, wanted.spec.foreignProvider === true)}.`;
  return isFree === false ? `VMID ${number} belongs to a guest that the credentials may not see.` : undefined;
}

/** Of a Provider of others, only what kind of guest it is. */
function describe({ type, template, name, node }: GuestView, foreign: boolean): string {
  const kind = type === 'lxc' ? 'container' : template ? 'template' : 'VM';
  if (foreign) return `a ${kind}`;
  return `the ${kind}${name === undefined ? '' : ` "${name}"`} on node ${node}`;
}
