/** A clone that finds no turn waits outside: the pass ends, and the VM is told when a turn is free. */
import { MAX_FULL_CLONES, MAX_LINKED_CLONES } from '../../shared/limits/clones.ts';
import { cloneRequestOf } from '../placement/creation.ts';
import type { Plan } from '../model/plan.ts';
import type { Creation } from '../model/placement.ts';
import type { ResolvedSpec } from '../model/resolved-spec.ts';
import { wait } from '../../shared/plan/rule.ts';

/** Should nobody tell that a turn is free. */
const LOOK_AGAIN_MS = 2_000;

/** @param how whether the turn is taken at once, or whether it is only asked if there is one */
export function requireSlot(next: Plan, { connection, owner }: ResolvedSpec, how: 'ask' | 'take'): Plan {
  if (next.kind !== 'act' || next.step.do !== 'clone') return next;
  const view = connection.inventory.view();
  if (!view) return next;
  const { creation } = next.step;
  const request = cloneRequestOf(creation, view);
  const has =
    how === 'take'
      ? connection.cloneSlots.take(owner.uid, request, view)
      : connection.cloneSlots.isFree(owner.uid, request, view);
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
    ? `Full clones onto ${where} are made ${MAX_FULL_CLONES} at a time. ${own}`
    : `Linked clones on ${where} are made ${MAX_LINKED_CLONES} at a time. ${own}`;
}
