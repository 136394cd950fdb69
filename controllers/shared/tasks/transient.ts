/** Failures that say nothing about the step: their cause goes away without our intervention. Pure. */
import { refusalIn } from '../../../src/pve/index.ts';
import type { Reason } from '../../../src/api/index.ts';
import { Reasons } from '../errors/reasons.ts';

/** The reason to report for the exit status of such a task; `undefined`: the step itself failed. */
export function transientReason(exit: string): Reason | undefined {
  const refusal = refusalIn(exit);
  if (refusal === 'locked') return Reasons.locked;
  return refusal === 'noQuorum' ? Reasons.noQuorum : undefined;
}
