/** The name of this installation. It marks the guests we make, so it must outlive every pod and never be made twice. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { KubeClient } from './client.ts';
import { hasReason, KubeError } from './errors.ts';
import { CONFIG_MAPS } from './resource.ts';

const KEY = 'clusterId';
const Stored = z.object({ data: z.record(z.string(), z.string()).default({}) });

/**
 * Reads the id from its ConfigMap, or makes both. Of several processes that start together, all get the same.
 * @param configured the id to use. It is recorded like one that was generated, so that it cannot change unnoticed
 */
export async function clusterId(
  client: Pick<KubeClient, 'get' | 'create'>,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  configured?: string,
): Promise<string> {
  const where = `${namespace}/${name}`;
  const read = async (): Promise<string | undefined> => {
    const stored = await client.get({ ...CONFIG_MAPS, namespace, name }, Stored);
    return stored && agreed(idIn(stored.data, where), configured, where);
  };
  const known = await read();
  if (known !== undefined) return known;
  const id = configured ?? randomUUID();
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

/** With another id, every guest would count as that of another installation. */
function agreed(stored: string, configured: string | undefined, where: string): string {
  if (configured === undefined || configured === stored) return stored;
  throw new KubeError({
    status: 0,
    reason: 'ClusterIdConflict',
    message: `CLUSTER_ID is ${configured}, but the ConfigMap ${where} has ${stored}, which marks the guests of this installation. Remove CLUSTER_ID or set it to ${stored}. If the descriptions of the guests name ${configured}, delete the ConfigMap instead.`,
  });
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
