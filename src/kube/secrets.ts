/** Secrets and ConfigMaps, read one by one and by name: the operator needs no right to list or watch them. */
import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import { seconds, type Millis } from '../lib/units.ts';
import type { Clock } from '../runtime/clock.ts';
import type { KubeClient } from './client.ts';
import { CONFIG_MAPS, SECRETS, type ApiResource } from './resource.ts';

/** The values under their keys, decoded. */
export interface NamedValues {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly annotations: Readonly<Record<string, string>>;
  /** Present once it is being deleted, though a finalizer still keeps it. */
  readonly deletionTimestamp?: string | undefined;
  readonly values: Readonly<Record<string, string>>;
  /** Those that are no text in UTF-8, in Base64. */
  readonly binary: Readonly<Record<string, string>>;
}

export interface ValuesReader {
  /** `undefined`: there is none of this name. Rejects with a `KubeError` when it cannot be read. */
  get(namespace: string, name: string): Promise<NamedValues | undefined>;
}

/** Many objects share one Secret, and their passes come together: within this time they share one answer. */
const FRESH = seconds(5);
/** Of all answers that are kept: each may be a mebibyte. */
const MAX_CHARACTERS = 16_000_000;

const Text = z.record(z.string(), z.string());
const Metadata = z.object({
  uid: z.string(),
  resourceVersion: z.string(),
  annotations: Text.default({}),
  deletionTimestamp: z.string().optional(),
});
const decoded = (text: string): string => Buffer.from(text, 'base64').toString('utf8');

const Secret = z
  .object({ metadata: Metadata, data: Text.default({}) })
  .transform(({ metadata, data }): NamedValues => ({
    ...metadata,
    values: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, decoded(value)])),
    binary: Object.fromEntries(
      Object.entries(data).filter(([, value]) => !isUtf8(Buffer.from(value, 'base64'))),
    ),
  }));
const ConfigMap = z
  .object({ metadata: Metadata, data: Text.default({}) })
  .transform(({ metadata, data }): NamedValues => ({ ...metadata, values: data, binary: {} }));

export const secretReader = (client: Pick<KubeClient, 'get'>, clock: Clock): ValuesReader =>
  reader(client, clock, SECRETS, Secret);

export const configMapReader = (client: Pick<KubeClient, 'get'>, clock: Clock): ValuesReader =>
  reader(client, clock, CONFIG_MAPS, ConfigMap);

interface Kept {
  readonly at: Millis;
  readonly answer: Promise<NamedValues | undefined>;
  /** In characters; 0 until it is there. */
  readonly size: number;
}

const sizeOf = ({ values, binary }: NamedValues): number =>
  [...Object.values(values), ...Object.values(binary)].reduce((sum, { length }) => sum + length, 0);

function reader(
  client: Pick<KubeClient, 'get'>,
  clock: Clock,
  resource: ApiResource,
  schema: z.ZodType<NamedValues>,
): ValuesReader {
  /** The oldest first. */
  const answers = new Map<string, Kept>();
  const makeRoom = (): void => {
    let characters = [...answers.values()].reduce((sum, { size }) => sum + size, 0);
    for (const [oldest, { size }] of answers) {
      if (characters <= MAX_CHARACTERS) return;
      characters -= size;
      answers.delete(oldest);
    }
  };
  return {
    get(namespace, name) {
      const key = `${namespace}/${name}`;
      const now = clock.monotonic();
      for (const [old, { at }] of answers) if (now - at >= FRESH) answers.delete(old); // a secret is not kept longer than needed
      const known = answers.get(key);
      if (known) return known.answer;
      const answer = client.get({ ...resource, namespace, name }, schema);
      const kept = { at: now, answer, size: 0 };
      answers.set(key, kept);
      answer
        .then((values) => {
          kept.size = values ? sizeOf(values) : 0;
          makeRoom();
        })
        .catch(() => answers.delete(key));
      return answer;
    },
  };
}
