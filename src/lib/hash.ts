import { createHmac, createSecretKey, hash } from 'node:crypto';

/** SHA-256 of a text (as UTF-8) or of bytes, as 64 lower-case hex digits. */
export const sha256Hex = (data: string | Uint8Array): string => hash('sha256', data, 'hex');

/** A keyed digest: without the key it cannot be computed, nor guesses be tested against it. */
export type Digest = (text: string) => string;

const DIGEST_LENGTH = 32;

/** Creates a keyed digest. Its results start with an ID of the key, because digests of different keys cannot be compared. */
export function digestWith(key: Uint8Array): Digest {
  const name = sha256Hex(key).slice(0, 8);
  // Made once: Node spends more time on a key of bytes than on the digest itself.
  const secret = createSecretKey(key);
  return (text) =>
    `${name}-${createHmac('sha256', secret).update(text).digest('hex').slice(0, DIGEST_LENGTH)}`;
}

/** Whether two digests were made with the same key. */
export const sameKey = (a: string, b: string): boolean => a.split('-')[0] === b.split('-')[0];
