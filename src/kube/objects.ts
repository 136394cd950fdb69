/** Creates and deletes objects of our own kinds, for controllers that make one object out of another. */
import { z } from 'zod';
import type { Kind } from '../api/kind.ts';
import type { Entry } from '../runtime/object-store.ts';
import type { ObjectCache } from './cache.ts';
import type { KubeClient } from './client.ts';
import { hasReason } from './errors.ts';
import { parserOf, type ResourceOf } from './parse.ts';
import { apiVersionOf, ownResource } from './resource.ts';

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller: boolean;
}

export interface NewObject<Spec> {
  readonly namespace: string;
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly spec: Spec;
}

export interface ObjectWriter<Spec> {
  /** `exists`: an object of this name was there already; whose it is, the caller must see. */
  create(object: NewObject<Spec>): Promise<'created' | 'exists'>;
  /** Deletes this very object, not another that has taken its name. What is gone already counts as deleted. */
  delete(object: { readonly namespace: string; readonly name: string; readonly uid: string }): Promise<void>;
}

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
    async delete({ namespace, name, uid }) {
      try {
        await client.delete({ ...resource, namespace, name }, { uid });
      } catch (error) {
        if (!hasReason(error, 'Conflict')) throw error; // the uid is another's: ours is gone
      }
    },
  };
}
