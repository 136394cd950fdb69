/** Creates and deletes objects of our own kinds, for controllers that make one object out of another. */
import { z } from 'zod';
import type { Kind } from '../api/kind.ts';
import type { ObjectWriter } from '../runtime/controller.ts';
import type { Entry } from '../runtime/object-store.ts';
import type { ObjectCache } from './cache.ts';
import type { KubeClient } from './client.ts';
import { hasReason } from './errors.ts';
import { parserOf, type ResourceOf } from './parse.ts';
import { apiVersionOf, ownResource } from './resource.ts';

export function objectWriter<Spec extends z.ZodType, Status extends z.ZodType>(
  kind: Kind<Spec, Status>,
  client: Pick<KubeClient, 'create' | 'delete'>,
  cache: Pick<ObjectCache<ResourceOf<Spec, Status>>, 'offer'>,
): ObjectWriter<z.input<Spec>> {
  const resource = ownResource(kind);
  const parse = parserOf(kind);
  const Result = z.unknown().transform((raw): Entry<ResourceOf<Spec, Status>> => parse(raw));
  return {
    async create({ spec, namespace, ...metadata }) {
      const body = {
        apiVersion: apiVersionOf(resource),
        kind: kind.kind,
        metadata: { namespace, ...metadata },
        spec,
      };
      try {
        cache.offer(await client.create({ ...resource, namespace }, body, Result));
        return 'created';
      } catch (error) {
        if (hasReason(error, 'AlreadyExists')) return 'exists';
        throw error;
      }
    },
    async delete({ namespace, name, uid, resourceVersion }) {
      try {
        await client.delete({ ...resource, namespace, name }, { uid, resourceVersion });
        return 'deleted';
      } catch (error) {
        if (hasReason(error, 'Conflict')) return 'changed';
        throw error;
      }
    },
  };
}
