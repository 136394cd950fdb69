/** A clone that gets no slot waits outside: the pass ends, and the VM is woken when a slot is free. */
import { MAX_FULL_CLONES, MAX_LINKED_CLONES } from '../../shared/limits/clones.ts';
import { cloneRequestOf } from '../placement/creation.ts';
import type { Plan } from '../model/plan.ts';
import type { CloneCreation } from '../../shared/placement/model.ts';
import type { ResolvedSpec } from '../model/resolved-spec.ts';
import { wait } from '../../shared/plan/rule.ts';

/** Slots of clones that others began are free without anybody being woken. */
const RETRY_AFTER_MS = 2_000;

/** @param how `take` takes the slot; `ask` only asks whether one is free */
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
  return has ? next : wait('CloneQueued', queued(creation, request.running), RETRY_AFTER_MS);
}

function queued({ full, storage, rootStorage, template }: CloneCreation, running: boolean): string {
  const own = 'This one starts once a slot is free.';
  if (running) return `VM ${template} is running, so only one clone of it is made at a time. ${own}`;
  const where = storage ?? rootStorage ?? 'its storage';
  return full
    ? `At most ${MAX_FULL_CLONES} full clones onto ${where} are made at a time. ${own}`
    : `At most ${MAX_LINKED_CLONES} linked clones on ${where} are made at a time. ${own}`;
}
