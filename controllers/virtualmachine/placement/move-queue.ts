/** Moves that wait for their turn, or for HA to come to them: whatever else is due is done meanwhile. */
import { MOST_MOVES } from '../../shared/move-turns.ts';
import type { Plan } from '../model/plan.ts';
import type { Sight } from '../observe.ts';
import { plan } from '../plan.ts';
import { wait } from '../rules/verdicts.ts';
import type { Wish } from '../resolve.ts';

/** Should nobody tell that a turn is free. */
const LOOK_AGAIN_MS = 15_000;

/** @param how whether the turn is taken at once, or whether it is only asked if there is one */
export function moveInTurn(
  next: Plan,
  { have: { presence } }: Sight,
  { wish: { connection, owner }, how }: { readonly wish: Wish; readonly how: 'ask' | 'take' },
): Plan {
  if (next.kind !== 'act' || next.step.do !== 'migrate' || presence.kind !== 'seen') return next;
  const route = { from: presence.guest.node, to: next.step.move.to };
  const { moves } = connection;
  const has = how === 'take' ? moves.take(owner.uid, route) : moves.isFree(owner.uid, route);
  return has
    ? next
    : wait(
        'MoveQueued',
        `The VM is moved to node ${route.to} when it is its turn: ${MOST_MOVES} VMs are moved from or to a node at a time.`,
        LOOK_AGAIN_MS,
      );
}

/**
 * What to do in this pass.
 * @param hold makes a wait of a step that may not be taken now
 */
export function planBesidesMove({ want, have }: Sight, hold: (next: Plan) => Plan): Plan {
  const first = plan(want, have);
  const held = hold(first);
  const waits = first.kind === 'act' && first.step.do === 'migrate' && held.kind !== 'act';
  if (!waits || !have.move?.asked) return held;
  const rest = hold(plan(want, { ...have, move: undefined }));
  if (rest.kind !== 'steady') return rest;
  return held.kind === 'wait' ? { ...held, restIsDone: true } : held;
}
