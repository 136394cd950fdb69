/** An expected failure, thrown where it occurs and caught where the pass ends. It contains its outcome. */
import type { Outcome } from '../../../src/runtime/outcome.ts';

export class ExpectedError extends Error {
  override readonly name = 'ExpectedError';
  readonly outcome: Outcome;

  constructor(outcome: Outcome) {
    super('message' in outcome ? outcome.message : outcome.kind);
    this.outcome = outcome;
  }
}
