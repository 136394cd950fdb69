/** How one pass over one object ended. The engine alone turns this into a requeue, conditions and a metric. */
import { millis, seconds, type Millis } from '../lib/units.ts';

/** A machine-readable word (CamelCase) and a sentence a person can act on: what, why, what to do. */
export interface Reason {
  readonly reason: string;
  readonly message: string;
}

export type Outcome =
  /** Proxmox VE equals the spec; `because`: in another sense than that something was done. Looked at again when something changes, or after `again`. */
  | { readonly kind: 'settled'; readonly again?: Millis; readonly because?: Reason }
  /** One step was taken; the next is planned at once from what the world then looks like. */
  | ({ readonly kind: 'progressed'; readonly again: Millis } & Reason)
  /** The world is busy or incomplete: not a failure, no backoff. */
  | ({ readonly kind: 'waiting'; readonly again: Millis } & Reason)
  /** A transient error: retried with the queue's backoff. */
  | ({ readonly kind: 'retry' } & Reason)
  /** Only a person can fix it. Looked at again on a change, or after `again` where the fix lies outside Kubernetes. */
  | ({ readonly kind: 'stalled'; readonly again?: Millis } & Reason)
  /**
   * Nothing is left to be done, and nothing is wrong: a person asked for no more, or the rest is not ours to do.
   * `ready`: False where the spec is not fulfilled, Unknown where nobody looked.
   */
  | ({ readonly kind: 'suspended'; readonly ready: 'False' | 'Unknown'; readonly again?: Millis } & Reason)
  /** Nothing is known yet that the last report does not say: it stays as it is. */
  | { readonly kind: 'unchanged'; readonly again: Millis }
  /** Deletion is complete: the finalizer is removed. */
  | { readonly kind: 'released' };

export const settled = (again?: Millis): Outcome => ({
  kind: 'settled',
  ...(again !== undefined && { again }),
});
/** Nothing is asked for as yet. */
export const idle = (reason: string, message: string): Outcome => ({
  kind: 'settled',
  because: { reason, message },
});
export const progressed = (reason: string, message: string, again = millis(0)): Outcome => ({
  kind: 'progressed',
  reason,
  message,
  again,
});
export const waiting = (reason: string, message: string, again = seconds(15)): Outcome => ({
  kind: 'waiting',
  reason,
  message,
  again,
});
export const retry = (reason: string, message: string): Outcome => ({ kind: 'retry', reason, message });
export const stalled = (reason: string, message: string, again?: Millis): Outcome => ({
  kind: 'stalled',
  reason,
  message,
  ...(again !== undefined && { again }),
});
export const suspended = (ready: 'False' | 'Unknown', reason: string, message: string): Outcome => ({
  kind: 'suspended',
  ready,
  reason,
  message,
});
export const unchanged = (again: Millis): Outcome => ({ kind: 'unchanged', again });
/** The same, looked at again after `longest` at the latest. */
export function within(outcome: Outcome, longest: Millis): Outcome {
  if (outcome.kind === 'retry' || outcome.kind === 'released') return outcome;
  return outcome.again !== undefined && outcome.again <= longest ? outcome : { ...outcome, again: longest };
}
export const released: Outcome = { kind: 'released' };
