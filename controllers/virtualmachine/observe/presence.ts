/** The guest of our number, the one to be adopted, and one of a former object of our name. Reads only. */
import type { OwnerMark } from '../../shared/guests/owner-mark.ts';
import type { ProcessState } from '../model/process-state.ts';
import type { MarkedGuest } from '../../shared/guests/marks.ts';
import type { Presence } from '../../shared/guests/model.ts';
import type { Claim } from '../model/observed.ts';
import type { InContext, ObserveContext } from './context.ts';
import { locate } from '../../shared/guests/locate.ts';
import type { ResolvedSpec } from '../resolve/resolve.ts';
import type { VirtualMachine } from '../../../src/api/index.ts';
import type { CallOptions } from '../../../src/pve/index.ts';

/** The guest that is to be adopted, as long as its number is not written down. */
export async function candidateOf(
  { connection, shape }: ResolvedSpec,
  claim: Claim | undefined,
  options: CallOptions,
): Promise<Presence | undefined> {
  if (shape?.adopt === undefined || claim || !connection.inventory.view()) return undefined;
  return locate(connection, shape.adopt, undefined, options);
}

export function claimOf(vm: VirtualMachine, processState: ProcessState, now: number): Claim | undefined {
  const { vmid, name, placement, internal: { claimedAt } = {} } = vm.status ?? {};
  if (vmid === undefined) return undefined;
  const since = Math.max(claimedAt === undefined ? 0 : Date.parse(claimedAt), processState.unknownSince ?? 0);
  return {
    vmid,
    ageMs: now - since,
    made: name !== undefined,
    certain: processState.clone !== undefined,
    ...(placement && { placement }),
  };
}

export async function presenceOf(
  vm: VirtualMachine,
  claim: Claim | undefined,
  { resolved: { connection }, context: { processState, options } }: InContext,
): Promise<Presence> {
  if (claim === undefined) return { kind: 'notMade' };
  if (processState.clone === 'unsent' && !claim.made && !connection.inventory.view()?.guests.has(claim.vmid))
    return { kind: 'notMade' };
  return locate(connection, claim.vmid, vm.status?.node, options);
}

/** A guest that carries the mark of an object of our namespace and name. */
export async function namesakeOf(
  { connection, shape, owner, besideOthers }: ResolvedSpec,
  { processState, options }: ObserveContext,
): Promise<MarkedGuest | undefined> {
  // A guest made for a former object a moment ago is not in a view that was read before this object was known.
  if (!processState.surveyed) await connection.inventory.refresh(options.signal);
  processState.surveyed = true;
  const view = connection.inventory.view();
  if (!shape || !view) return undefined;
  const is = (mark: OwnerMark): boolean => isNamesake(mark, owner, besideOthers);
  return connection.marks.find(view, { name: shape.name, is }, options);
}

const isNamesake = (mark: OwnerMark, owner: OwnerMark, besideOthers: boolean): boolean =>
  mark.namespace === owner.namespace &&
  mark.name === owner.name &&
  !(besideOthers && mark.cluster !== owner.cluster);
