/** What is missing before an object can be acted on. Types only: nothing in this file runs. */
import type { Reason } from '../../../src/api/index.ts';

/** Why a spec cannot be resolved: something it refers to is missing. */
export interface Unresolved {
  readonly ok: false;
  readonly reason: Reason;
  readonly message: string;
  /** The message without what to do, where something is missing. */
  readonly fact?: string;
  /** This process has not found out yet; what an earlier one reported stays. */
  readonly early?: boolean;
  /** Epoch ms: since when the Provider does not answer. */
  readonly silentSince?: number;
}
