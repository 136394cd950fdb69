/** How a guest that is not there yet would be made; a refusal is worded anew only when it changes. Reads only. */
import { isAdopting } from '../plan/adoption.ts';
import type { Claim } from '../model/observed.ts';
import type { ObserveContext } from '../observe/context.ts';
import type { Creation } from '../model/placement.ts';
import { stableRefusal } from './refusal.ts';
import { type ResolvedSpec, desiredOf } from '../resolve/resolve.ts';

export const NOT_ASKED: Creation = {
  ok: false,
  reason: 'GuestExists',
  message: 'The guest exists already.',
};

const ADOPTS: Creation = {
  ok: false,
  reason: 'Adopts',
  message: 'A VM that exists is taken over, and none is created.',
};

export const creationFor = (
  resolved: ResolvedSpec,
  claim: Claim | undefined,
  context: ObserveContext,
): Creation | Promise<Creation> =>
  isAdopting(desiredOf(resolved, NOT_ASKED), claim) ? ADOPTS : decideCreation(resolved, claim, context);

async function decideCreation(
  resolved: ResolvedSpec,
  claim: Claim | undefined,
  { creations, processState, options, now }: ObserveContext,
): Promise<Creation> {
  const view = resolved.connection.inventory.view();
  if (!view || !resolved.shape)
    return { ok: false, reason: 'ProviderNotReady', message: 'The Proxmox VE cluster was not read yet.' };
  const creation = await creations.decide(resolved, claim, { view }, options);
  if (creation.ok) delete processState.refused;
  else processState.refused = stableRefusal(processState.refused, creation, now);
  return processState.refused?.creation ?? creation;
}
