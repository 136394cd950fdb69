/** A trouble that was foreseen, thrown from where it is met to where a pass ends; it brings its meaning along. */
import type { Outcome } from '../../../src/runtime/outcome.ts';

export class ExpectedError extends Error {
  override readonly name = 'Trouble';
  readonly outcome: Outcome;

  constructor(outcome: Outcome) {
    super('message' in outcome ? outcome.message : outcome.kind);
    this.outcome = outcome;
  }
}
