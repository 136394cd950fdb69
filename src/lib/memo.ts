/** Remembers the results of a pure function. */
import { sha256Hex } from './hash.ts';

interface MemoLimits {
  readonly results: number;
  /** Characters of all results together, as JSON. */
  readonly characters: number;
}

const LIMITS: MemoLimits = { results: 1000, characters: 1_000_000 };

interface Kept<R> {
  readonly result: R;
  readonly size: number;
}

/**
 * Returns the function with a memory, from which the results go first that were used longest ago. Inputs may be large and
 * secret, so only their hashes are kept. Results must be plain data: they are copied, so that no caller can change what
 * another gets, and no string in them keeps the text in memory that it was cut from.
 *
 * @param textOf - tells inputs apart: equal texts have equal results
 */
export function remembering<I, R extends object>(
  compute: (input: I) => R,
  textOf: (input: I) => string,
  limits: MemoLimits = LIMITS,
): (input: I) => R {
  const known = new Map<string, Kept<R>>();
  let characters = 0;
  const forget = (hash: string): void => {
    characters -= known.get(hash)?.size ?? 0;
    known.delete(hash);
  };
  const keep = (hash: string, kept: Kept<R>): void => {
    // Otherwise one result would push out all others.
    if (kept.size > limits.characters / 4) return;
    known.set(hash, kept);
    characters += kept.size;
    for (const oldest of known.keys()) {
      if (known.size <= limits.results && characters <= limits.characters) return;
      forget(oldest);
    }
  };
  return (input) => {
    const hash = sha256Hex(textOf(input));
    const kept = known.get(hash) ?? copyOf(compute(input));
    forget(hash);
    keep(hash, kept);
    return structuredClone(kept.result);
  };
}

const copyOf = <R extends object>(result: R): Kept<R> => ({
  result: structuredClone(result),
  size: JSON.stringify(result).length,
});
