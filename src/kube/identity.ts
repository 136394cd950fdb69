/** The name of this installation. It marks the guests we make, so it must outlive every pod and never be made twice. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { KubeClient } from './client.ts';
import { hasReason, KubeError } from './errors.ts';
import { CONFIG_MAPS } from './resource.ts';

const KEY = 'clusterId';
const Stored = z.object({ data: z.record(z.string(), z.string()).default({}) });

/** Reads the id from its ConfigMap, or makes both. Of several processes that start together, all get the same. */
export async function clusterId(
  client: Pick<KubeClient, 'get' | 'create'>,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): Promise<string> {
  const read = async (): Promise<string | undefined> => {
    const stored = await client.get({ ...CONFIG_MAPS, namespace, name }, Stored);
    return stored && idIn(stored.data, `${namespace}/${name}`);
  };
  const known = await read();
  if (known !== undefined) return known;
  const id = randomUUID();
  const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name }, data: { [KEY]: id } };
  try {
    await client.create({ ...CONFIG_MAPS, namespace }, body, Stored);
    return id;
  } catch (error) {
    const other = hasReason(error, 'AlreadyExists') ? await read() : undefined;
    if (other === undefined) throw error;
    return other;
  }
}

// To add an id of our own here could give a second name to an installation whose first one was lost by mistake.
function idIn({ [KEY]: id }: Readonly<Record<string, string>>, where: string): string {
  if (id) return id;
  throw new KubeError({
    status: 0,
    reason: 'NoClusterId',
    message: `The ConfigMap ${where} lacks ${KEY}, which marks the guests of this installation. Put back the id that their descriptions name; if there are none, delete the ConfigMap.`,
  });
}
