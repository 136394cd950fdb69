/** Distinguishes a refusal of Proxmox VE from an answer that was lost. Pure. */
import { PveError } from '../../../src/pve/index.ts';

/** A refusal leaves nothing behind; only a lost answer leaves doubt. */
export const isRefusal = (error: unknown): error is PveError =>
  error instanceof PveError && error.refusal !== 'unknownOutcome' && error.refusal !== 'unknown';
