/** A foreseen failure, thrown from where it is met to where the pass ends; it carries its outcome along. */
import type { Outcome } from '../../../src/runtime/outcome.ts';

export class ExpectedError extends Error {
  override readonly name = 'ExpectedError';
  readonly outcome: Outcome;

  constructor(outcome: Outcome) {
    super('message' in outcome ? outcome.message : outcome.kind);
    this.outcome = outcome;
  }
}
