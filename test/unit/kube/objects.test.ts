import { describe, expect, test } from '@jest/globals';
import { VMSnapshot } from '../../../src/api/index.ts';
import { ObjectCache } from '../../../src/kube/cache.ts';
import type { KubeClient } from '../../../src/kube/client.ts';
import { KubeError } from '../../../src/kube/errors.ts';
import { objectWriter } from '../../../src/kube/objects.ts';
import type { ResourceOf } from '../../../src/kube/parse.ts';

const refused = (status: number, reason: string) => new KubeError({ status, reason, message: reason });
const at = { namespace: 'default', name: 'a', uid: 'uid-1', resourceVersion: '7' };
const snapshot = { namespace: 'default', name: 'a', labels: { x: 'y' }, spec: { vmRef: { name: 'web' } } };

/** @param answer what the API server refuses with */
function writer(answer?: KubeError) {
  const requests: unknown[] = [];
  const cache = new ObjectCache<ResourceOf<typeof VMSnapshot.spec, typeof VMSnapshot.status>>();
  const client: Pick<KubeClient, 'create' | 'delete'> = {
    create: async (path, body, reply) => {
      requests.push({ path, body });
      await Promise.resolve();
      if (answer) throw answer;
      const { metadata, ...rest } = body as { readonly metadata: object };
      const stored = { ...rest, metadata: { ...metadata, uid: 'uid-1', resourceVersion: '7' } };
      return reply.parse(stored);
    },
    delete: async (path, precondition) => {
      requests.push({ path, precondition });
      await Promise.resolve();
      if (answer) throw answer;
    },
  };
  return { requests, cache, objects: objectWriter(VMSnapshot, client, cache) };
}

describe('an object that is created', () => {
  test('is known at once, before the watch reports it', async () => {
    const { objects, cache, requests } = writer();
    expect(await objects.create(snapshot)).toBe('created');
    expect(cache.get('default', 'a')).toMatchObject({ metadata: { uid: 'uid-1', labels: { x: 'y' } } });
    expect(requests).toMatchObject([
      {
        path: { plural: 'vmsnapshots', namespace: 'default' },
        body: { kind: 'VMSnapshot', metadata: { name: 'a' }, spec: { vmRef: { name: 'web' } } },
      },
    ]);
  });

  test('may exist already, which is no error', async () => {
    expect(await writer(refused(409, 'AlreadyExists')).objects.create(snapshot)).toBe('exists');
  });

  test('is refused with the reason of the API server', async () => {
    await expect(writer(refused(403, 'Forbidden')).objects.create(snapshot)).rejects.toThrow('Forbidden');
  });
});

describe('an object that is deleted', () => {
  test('is the very one that was read, as it was read', async () => {
    const { objects, requests } = writer();
    expect(await objects.delete(at)).toBe('deleted');
    expect(requests).toMatchObject([
      { path: { name: 'a' }, precondition: { uid: 'uid-1', resourceVersion: '7' } },
    ]);
  });

  test('stays if it was written since, or if another has its name', async () => {
    expect(await writer(refused(409, 'Conflict')).objects.delete(at)).toBe('changed');
    await expect(writer(refused(403, 'Forbidden')).objects.delete(at)).rejects.toThrow('Forbidden');
  });
});
