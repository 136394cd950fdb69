/** The engine's port on one kind: reads from the cache, writes guarded by the version that was read. */
import { z } from 'zod';
import type { Millis } from '../lib/units.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Resource } from '../runtime/controller.ts';
import type { Entry, ObjectStore, Written } from '../runtime/object-store.ts';
import type { ObjectCache } from './cache.ts';
import type { KubeClient, MemberChange } from './client.ts';
import { KubeError } from './errors.ts';
import type { Parse, Restate } from './parse.ts';
import type { ApiPath, ApiResource } from './resource.ts';
import type { Complete } from './status.ts';

export interface ObjectStoreOptions<O extends Resource> {
  readonly resource: ApiResource;
  readonly client: Pick<KubeClient, 'get' | 'setMember'>;
  readonly cache: ObjectCache<O>;
  readonly parse: Parse<O>;
  readonly restate: Restate<O>;
  readonly complete: Complete;
  readonly clock: Pick<Clock, 'monotonic'>;
}

export function objectStore<O extends Resource>(options: ObjectStoreOptions<O>): ObjectStore<O> {
  const { resource, client, cache, parse, restate, complete, clock } = options;
  const Result = z.unknown().transform(parse);
  /** When the API server gave us this entry as an answer; what came by the watch may have been long under way. */
  const answeredAt = new WeakMap<Entry<O>, Millis>();

  function answered(entry: Entry<O>): Entry<O> {
    answeredAt.set(entry, clock.monotonic());
    return cache.offer(entry);
  }

  function known(key: string, within: Millis | undefined): Entry<O> | undefined {
    const entry = cache.entry(key);
    const at = entry && answeredAt.get(entry);
    return within !== undefined && at !== undefined && clock.monotonic() - at <= within ? entry : undefined;
  }

  async function write(
    { metadata: { namespace, name, resourceVersion } }: Entry<O>,
    where: Pick<ApiPath, 'subresource'>,
    change: Omit<MemberChange, 'resourceVersion'>,
  ): Promise<Written<O>> {
    const path = { ...resource, namespace, name, ...where };
    try {
      return answered(await client.setMember(path, { resourceVersion, ...change }, Result));
    } catch (error) {
      if (error instanceof KubeError && error.status === 409) return 'conflict';
      if (error instanceof KubeError && error.status === 404) return 'gone';
      throw error;
    }
  }

  return {
    cached: (key) => cache.entry(key),
    keys: () => cache.keys(),
    completed: ({ rawStatus }, status) => complete(rawStatus, status),
    restated: restate,
    async fetch(key, signal, within) {
      const recent = known(key, within);
      if (recent) return recent;
      const [namespace, name] = key.split('/');
      const entry = await client.get({ ...resource, namespace, name }, Result, signal);
      return entry && answered(entry);
    },
    writeFinalizers: (entry, value) => write(entry, {}, { member: '/metadata/finalizers', value }),
    writeStatus: (entry, value) => write(entry, { subresource: 'status' }, { member: '/status', value }),
  };
}
