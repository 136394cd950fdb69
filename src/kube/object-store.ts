/** The engine's port on one kind: reads from the cache, writes guarded by the version that was read. */
import { z } from 'zod';
import type { Resource } from '../runtime/controller.ts';
import type { Entry, ObjectStore, Written } from '../runtime/object-store.ts';
import type { ObjectCache } from './cache.ts';
import type { KubeClient, MemberChange } from './client.ts';
import { KubeError } from './errors.ts';
import type { Parse } from './parse.ts';
import type { ApiPath, ApiResource } from './resource.ts';

export interface ObjectStoreOptions<O extends Resource> {
  readonly resource: ApiResource;
  readonly client: Pick<KubeClient, 'get' | 'setMember'>;
  readonly cache: ObjectCache<O>;
  readonly parse: Parse<O>;
}

export function objectStore<O extends Resource>(options: ObjectStoreOptions<O>): ObjectStore<O> {
  const { resource, client, cache, parse } = options;
  const Parsed = z.unknown().transform(parse);

  async function write(
    { metadata: { namespace, name, resourceVersion } }: Entry<O>,
    where: Pick<ApiPath, 'subresource'>,
    change: Omit<MemberChange, 'resourceVersion'>,
  ): Promise<Written<O>> {
    const path = { ...resource, namespace, name, ...where };
    try {
      return cache.offer(await client.setMember(path, { resourceVersion, ...change }, Parsed));
    } catch (error) {
      if (error instanceof KubeError && error.status === 409) return 'conflict';
      if (error instanceof KubeError && error.status === 404) return 'gone';
      throw error;
    }
  }

  return {
    cached: (key) => cache.entry(key),
    keys: () => cache.keys(),
    async fetch(key, signal) {
      const [namespace, name] = key.split('/');
      const entry = await client.get({ ...resource, namespace, name }, Parsed, signal);
      return entry && cache.offer(entry);
    },
    writeFinalizers: (entry, value) => write(entry, {}, { member: '/metadata/finalizers', value }),
    writeStatus: (entry, value) => write(entry, { subresource: 'status' }, { member: '/status', value }),
  };
}
