/** Objects under their paths, with the API server's answers to writes that come second. */
import type { z } from 'zod';
import type { KubeClient } from '../../../src/kube/client.ts';
import { KubeError } from '../../../src/kube/errors.ts';
import { urlPath, type ApiPath } from '../../../src/kube/resource.ts';

interface Stored {
  readonly metadata: { readonly name: string; readonly resourceVersion: string };
  readonly data?: unknown;
}

export function inMemoryApi(initial: Readonly<Record<string, Stored>> = {}) {
  const objects = new Map(Object.entries(initial));
  const requests: string[] = [];
  let version = 100;
  const refuse = (status: number, reason: string): never => {
    throw new KubeError({ status, reason, message: reason });
  };
  const put = <T extends z.ZodType>(path: string, body: object, reply: T): z.output<T> => {
    const { metadata } = body as Stored;
    version += 1;
    const stored = { ...body, metadata: { ...metadata, uid: 'uid', resourceVersion: String(version) } };
    objects.set(path, stored);
    return reply.parse(stored);
  };
  const note = (verb: string, path: ApiPath): string => {
    requests.push(`${verb} ${urlPath(path)}`);
    return urlPath(path);
  };
  const client: Pick<KubeClient, 'get' | 'create'> = {
    get: async (path, reply) => {
      const stored = objects.get(note('get', path));
      await Promise.resolve();
      return stored && reply.parse(stored);
    },
    create: async (path, body, reply) => {
      await Promise.resolve();
      const url = `${note('create', path)}/${(body as Stored).metadata.name}`;
      return objects.has(url) ? refuse(409, 'AlreadyExists') : put(url, body as Stored, reply);
    },
  };
  return { client, objects, requests };
}
