/** How a guest that is not there yet would be made; a refusal is worded anew only when it changes. Reads only. */
import { adopting } from '../adoption.ts';
import type { Claim } from '../model/observed.ts';
import type { ObserveContext } from '../observation/context.ts';
import type { Creation } from './model.ts';
import { steadyRefusal } from './refusal.ts';
import { type Wish, desiredOf } from '../resolve.ts';

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
  wish: Wish,
  claim: Claim | undefined,
  context: ObserveContext,
): Creation | Promise<Creation> =>
  adopting(desiredOf(wish, NOT_ASKED), claim) ? ADOPTS : decideCreation(wish, claim, context);

async function decideCreation(
  wish: Wish,
  claim: Claim | undefined,
  { creations, memory, options, now }: ObserveContext,
): Promise<Creation> {
  const view = wish.connection.inventory.view();
  if (!view || !wish.shape)
    return { ok: false, reason: 'ProviderNotReady', message: 'The Proxmox VE cluster was not read yet.' };
  const creation = await creations.decide(wish, claim, { view }, options);
  if (creation.ok) delete memory.refused;
  else memory.refused = steadyRefusal(memory.refused, creation, now);
  return memory.refused?.creation ?? creation;
}
