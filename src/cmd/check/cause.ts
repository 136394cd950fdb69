/** Why something failed, in as few words as possible. */
import { z } from 'zod';

/** By its members: an error of another realm is none by `instanceof`. */
const Failure = z.object({
  message: z.string(),
  cause: z.unknown().optional(),
  errors: z.array(z.unknown()).default([]),
});

/** Node's advice to its own callers, who cannot follow it here. */
const ADVICE = /; if the root CA is installed locally.*$/;

/** The innermost words of an error: the network's or OpenSSL's own, where there are any. */
export function causeOf(error: unknown): string {
  const { data } = Failure.safeParse(error);
  if (!data) return String(error);
  // Where a name has several addresses, each has its own reason.
  if (data.errors.length > 0) return [...new Set(data.errors.map(causeOf))].join('; ');
  return data.cause == null ? data.message.replace(ADVICE, '') : causeOf(data.cause);
}
