/** What is known of our request for a clone, or for a guest without a template: the only file that computes this slice of the process state. Pure. */
import type { Task } from '../model/tasks.ts';
import type { CloneRequest } from '../model/process-state.ts';

/** This process reserved the VMID, and nothing was sent. */
export const reserved = (before: CloneRequest): CloneRequest => ({ ...before, outcome: 'unsent' });

/** Until there is an answer, the request may be in flight; how long counts from when the wait for it ends. */
export const sent: CloneRequest = {};

/** @param exists the VMID is taken: the guest has to be read to know whose it is */
export const refused = (exists: boolean): CloneRequest => ({ outcome: exists ? 'ended' : 'unsent' });

/** The VMID was released. */
export const released = ({ outcome: _outcome, ...rest }: CloneRequest): CloneRequest => rest;

/** @param hasEnded of the task that status names */
export function afterLook(
  before: CloneRequest,
  task: Task | undefined,
  { hasEnded, now }: { readonly hasEnded: boolean; readonly now: number },
): CloneRequest {
  if ((task?.type === 'Clone' || task?.type === 'Create') && hasEnded) return { ...before, outcome: 'ended' };
  // An earlier process may have sent a request the moment before it ended, however old the claim is.
  return before.outcome === undefined ? { ...before, unknownSince: before.unknownSince ?? now } : before;
}
