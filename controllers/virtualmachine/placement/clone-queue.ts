/** A clone that finds no turn waits outside: the pass ends, and the VM is told when a turn is free. */
import { MOST_FULL, MOST_LINKED } from '../../shared/clone-turns.ts';
import { cloneRequestOf } from './creation.ts';
import type { Plan } from '../model/plan.ts';
import type { Creation } from './model.ts';
import type { Wish } from '../resolve.ts';
import { wait } from '../rules/verdicts.ts';

/** Should nobody tell that a turn is free. */
const LOOK_AGAIN_MS = 2_000;

/** @param how whether the turn is taken at once, or whether it is only asked if there is one */
export function inTurn(next: Plan, { connection, owner }: Wish, how: 'ask' | 'take'): Plan {
  if (next.kind !== 'act' || next.step.do !== 'clone') return next;
  const view = connection.inventory.view();
  if (!view) return next;
  const { creation } = next.step;
  const request = cloneRequestOf(creation, view);
  const has =
    how === 'take'
      ? connection.turns.take(owner.uid, request, view)
      : connection.turns.isFree(owner.uid, request, view);
  return has ? next : wait('CloneQueued', queued(creation, request.running), LOOK_AGAIN_MS);
}

function queued(
  { full, storage, rootStorage, template }: Extract<Creation, { ok: true }>,
  running: boolean,
): string {
  const own = 'This one begins when it is its turn.';
  if (running) return `VM ${template} runs, so it is cloned once at a time. ${own}`;
  const where = storage ?? rootStorage ?? 'its storage';
  return full
    ? `Full clones onto ${where} are made ${MOST_FULL} at a time. ${own}`
    : `Linked clones on ${where} are made ${MOST_LINKED} at a time. ${own}`;
}
