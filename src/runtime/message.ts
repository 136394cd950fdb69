/** Messages that people read in `kubectl describe`. */
import { cutBytes } from '../lib/cut-bytes.ts';

/** The API server refuses an Event whose note is longer; conditions keep to the same limit. */
export const MESSAGE_LIMIT_BYTES = 1024;

/** Cuts at a character, never inside one, and marks the cut. */
export const truncate = (message: string, limit: number = MESSAGE_LIMIT_BYTES): string =>
  cutBytes(message, limit);
