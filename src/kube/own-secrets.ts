/** Secrets that the operator itself writes, in its own namespace: found by a label, each under a name of its own. */
import { z } from 'zod';
import type { KubeClient } from './client.ts';
import { hasReason } from './errors.ts';
import { SECRETS } from './resource.ts';

/** The values under their keys, decoded. */
export type Values = Readonly<Record<string, string>>;

export interface OwnSecret {
  readonly name: string;
  readonly values: Values;
}

export interface OwnSecrets {
  list(): Promise<readonly OwnSecret[]>;
  get(name: string): Promise<OwnSecret | undefined>;
  /** Creates it, or replaces what it holds. */
  put(secret: OwnSecret): Promise<void>;
  /** Deleting what is already gone is a success. */
  delete(name: string): Promise<void>;
}

export interface OwnSecretsOptions {
  /** Of the operator. */
  readonly namespace: string;
  /** Those of them are ours that have all of these. */
  readonly labels: Readonly<Record<string, string>>;
}

const Secret = z
  .object({
    metadata: z.object({ name: z.string() }),
    data: z.record(z.string(), z.string()).default({}),
  })
  .transform(({ metadata, data }): OwnSecret => ({
    name: metadata.name,
    values: mapValues(data, (value) => Buffer.from(value, 'base64').toString('utf8')),
  }));

const mapValues = (values: Values, change: (value: string) => string): Values =>
  Object.fromEntries(Object.entries(values).map(([key, value]) => [key, change(value)]));

export function ownSecrets(
  client: Pick<KubeClient, 'get' | 'list' | 'create' | 'replace' | 'delete'>,
  { namespace, labels }: OwnSecretsOptions,
): OwnSecrets {
  const collection = { ...SECRETS, namespace };
  const labelSelector = Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  return {
    async list() {
      const found: OwnSecret[] = [];
      const { signal } = new AbortController();
      for await (const { items } of client.list({ ...collection, labelSelector }, signal))
        found.push(...items.map((item) => Secret.parse(item)));
      return found;
    },
    get: (name) => client.get({ ...collection, name }, Secret),
    async put({ name, values }) {
      const body = {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { namespace, name, labels },
        data: mapValues(values, (value) => Buffer.from(value).toString('base64')),
      };
      try {
        await client.create(collection, body, Secret);
      } catch (error) {
        if (!hasReason(error, 'AlreadyExists')) throw error;
        // Only the leader writes it, so whatever it replaces is older.
        await client.replace({ ...collection, name }, body, Secret);
      }
    },
    delete: (name) => client.delete({ ...collection, name }),
  };
}
