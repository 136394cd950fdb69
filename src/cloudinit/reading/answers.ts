/** What was read, for as long as it is likely to be asked for. Of the texts, which may be secret, only hashes are kept. */
import type { Documents } from '../documents.ts';

export interface Answers {
  get(key: string): Documents | undefined;
  keep(key: string, documents: Documents): void;
}

/** A text that was refused because the machine was busy is tried again then. */
const KEPT_MS = 600_000;
const MAX_CHARACTERS = 16_000_000;

export function createAnswers(now: () => number): Answers {
  /** The oldest first. */
  const known = new Map<
    string,
    { readonly documents: Documents; readonly size: number; readonly until: number }
  >();
  let characters = 0;
  const forget = (key: string): void => {
    characters -= known.get(key)?.size ?? 0;
    known.delete(key);
  };
  return {
    get(key) {
      for (const [old, { until }] of known) {
        if (until > now()) break;
        forget(old);
      }
      return known.get(key)?.documents;
    },
    keep(key, documents) {
      forget(key);
      const size = JSON.stringify(documents).length;
      known.set(key, { documents, size, until: now() + KEPT_MS });
      characters += size;
      for (const oldest of known.keys()) {
        if (characters <= MAX_CHARACTERS || oldest === key) return;
        forget(oldest);
      }
    },
  };
}
