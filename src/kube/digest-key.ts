/**
 * The key of the digests in our statuses. A user who may read a status need not be allowed to read the Secrets it
 * refers to, and a plain digest of a short text can be guessed: with a secret key it cannot.
 */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { KubeClient } from './client.ts';
import { hasReason, KubeError } from './errors.ts';
import { SECRETS } from './resource.ts';

const KEY = 'digest-key';
const BYTES = 32;
const Stored = z.object({ data: z.record(z.string(), z.string()).default({}) });

/** Reads the key from its Secret, or makes both. Of several processes that start together, all get the same. */
export async function digestKey(
  client: Pick<KubeClient, 'get' | 'create'>,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): Promise<Uint8Array> {
  const read = async (): Promise<Uint8Array | undefined> => {
    const stored = await client.get({ ...SECRETS, namespace, name }, Stored);
    return stored && keyIn(stored.data, `${namespace}/${name}`);
  };
  const known = await read();
  if (known) return known;
  const key = randomBytes(BYTES);
  const body = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace, name },
    data: { [KEY]: key.toString('base64') },
  };
  try {
    await client.create({ ...SECRETS, namespace }, body, Stored);
    return key;
  } catch (error) {
    const other = hasReason(error, 'AlreadyExists') ? await read() : undefined;
    if (!other) throw error;
    return other;
  }
}

function keyIn({ [KEY]: text = '' }: Readonly<Record<string, string>>, where: string): Uint8Array {
  const key = Buffer.from(text, 'base64');
  if (key.length >= BYTES) return key;
  throw new KubeError({
    status: 0,
    reason: 'NoDigestKey',
    message: `The Secret ${where} lacks ${KEY}, with which the digests in statuses are made. Delete the Secret: a new key is generated, and the digests in statuses are written again.`,
  });
}
