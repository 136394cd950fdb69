/** Moves that wait for a slot, or for HA to perform them: other changes are made meanwhile. */
import { MAX_MOVES } from '../../shared/limits/moves.ts';
import type { Plan } from '../model/plan.ts';
import type { Observation } from '../model/observation.ts';
import { plan } from './plan.ts';
import { wait } from '../../shared/plan/rule.ts';
import type { ResolvedSpec } from '../model/resolved-spec.ts';

/** In case it is not woken. */
const RETRY_AFTER_MS = 15_000;

/** @param how `take` takes the slot; `ask` only asks whether one is free */
export function requireMoveSlot(
  next: Plan,
  { have: { presence } }: Observation,
  { resolved: { connection, owner }, how }: { readonly resolved: ResolvedSpec; readonly how: 'ask' | 'take' },
): Plan {
  if (next.kind !== 'act' || next.step.do !== 'migrate' || presence.kind !== 'seen') return next;
  const route = { from: presence.guest.node, to: next.step.move.to };
  const { moveSlots } = connection;
  const has = how === 'take' ? moveSlots.take(owner.uid, route) : moveSlots.isFree(owner.uid, route);
  return has
    ? next
    : wait(
        'MoveQueued',
        `The VM is moved to node ${route.to} once a slot is free: at most ${MAX_MOVES} VMs are moved from or to a node at a time.`,
        RETRY_AFTER_MS,
      );
}

/**
 * What to do in this pass.
 * @param hold turns a step that may not be taken now into a wait
 */
export function planBesidesMove({ want, have }: Observation, hold: (next: Plan) => Plan): Plan {
  const first = plan(want, have);
  const held = hold(first);
  const waits = first.kind === 'act' && first.step.do === 'migrate' && held.kind !== 'act';
  if (!waits || !have.move?.asked) return held;
  const rest = hold(plan(want, { ...have, move: undefined }));
  if (rest.kind !== 'steady') return rest;
  return held.kind === 'wait' ? { ...held, restIsDone: true } : held;
}
