/** Why something cannot be done now. Types only: nothing in this file runs. */
import type { Reason } from '../../../src/api/index.ts';

export interface Blocked {
  readonly reason: Reason;
  /** Sentences: what is the case, why, and what to do. */
  readonly message: string;
}
