/** An expected failure, thrown where it occurs and caught where the pass ends. It contains its outcome. */
import type { Outcome } from '../../../src/runtime/outcome.ts';

export class ExpectedError extends Error {
  override readonly name = 'ExpectedError';
  readonly outcome: Outcome;

  /** @param cause the error that it words, if there is one */
  constructor(outcome: Outcome, cause?: unknown) {
    super('message' in outcome ? outcome.message : outcome.kind, cause === undefined ? undefined : { cause });
    this.outcome = outcome;
  }
}
