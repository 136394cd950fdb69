import { describe, expect, test } from '@jest/globals';
import { clusterId } from '../../../src/kube/identity.ts';
import { inMemoryApi } from './in-memory-api.ts';

const where = { namespace: 'system', name: 'operator' };
const URL = '/api/v1/namespaces/system/configmaps/operator';

describe('the cluster id', () => {
  test('is made once and then always the same', async () => {
    const api = inMemoryApi();
    const id = await clusterId(api.client, where);
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(await clusterId(api.client, where)).toBe(id);
    expect(api.requests.filter((request) => request.startsWith('create'))).toHaveLength(1);
  });

  test('is the same for all processes that start together', async () => {
    const { client } = inMemoryApi();
    const ids = await Promise.all(Array.from({ length: 5 }, () => clusterId(client, where)));
    expect(new Set(ids).size).toBe(1);
  });

  test('is not made up where it was lost', async () => {
    const { client } = inMemoryApi({
      [URL]: { metadata: { name: 'operator', resourceVersion: '1' }, data: { note: 'hello' } },
    });
    await expect(clusterId(client, where)).rejects.toThrow(/system\/operator lacks clusterId.*Put back/);
  });

  test('can be given by whoever installs', async () => {
    const { client } = inMemoryApi({
      [URL]: { metadata: { name: 'operator', resourceVersion: '1' }, data: { clusterId: 'mine' } },
    });
    expect(await clusterId(client, where)).toBe('mine');
  });
});
