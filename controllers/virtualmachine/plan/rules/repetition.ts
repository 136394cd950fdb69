/** When a step that had no effect is taken again. Pure. */
import { waitBeforeRepeat, type LastStep } from '../../../shared/plan/repetition.ts';
import type { RuleResult, Step } from '../../model/plan.ts';
import { infoOf, signatureOf, touches } from '../../steps/step-info.ts';

export { taken } from '../../../shared/plan/repetition.ts';
export { signatureOf };

/** What to do instead of repeating a step too soon. */
export function tooSoon(
  last: LastStep | undefined,
  { step, generation }: { readonly step: Step; readonly generation: number },
  now: number,
): RuleResult | undefined {
  // It is done by the status write. If that was refused, nothing was done, and nothing undid it.
  if (touches(step, 'status')) return undefined;
  const { looksFirst = false } = infoOf(step);
  return waitBeforeRepeat(last, { signature: signatureOf(step, generation), looksFirst }, now);
}
