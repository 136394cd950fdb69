/** Failures that say nothing about the step: what stood in its way is gone by itself, or by others. Pure. */
import { refusalIn } from '../../../src/pve/index.ts';
import { Reasons } from '../errors/reasons.ts';

/** The reason to report for the exit status of such a task; `undefined`: the step itself failed. */
export function transientReason(exit: string): string | undefined {
  const refusal = refusalIn(exit);
  if (refusal === 'locked') return Reasons.locked;
  return refusal === 'noQuorum' ? Reasons.noQuorum : undefined;
}
