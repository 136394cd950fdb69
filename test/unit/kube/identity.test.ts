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

  test('is the one that the operator is configured with, and is recorded', async () => {
    const { client } = inMemoryApi();
    expect(await clusterId(client, where, 'homelab')).toBe('homelab');
    expect(await clusterId(client, where)).toBe('homelab');
    expect(await clusterId(client, where, 'homelab')).toBe('homelab');
  });

  test('is not changed by a configuration with another one', async () => {
    const { client } = inMemoryApi();
    const id = await clusterId(client, where);
    await expect(clusterId(client, where, 'homelab')).rejects.toThrow(
      new RegExp(`CLUSTER_ID is homelab, but .*system/operator has ${id}.*Remove CLUSTER_ID`),
    );
  });

  test('can be given at installation', async () => {
    const { client } = inMemoryApi({
      [URL]: { metadata: { name: 'operator', resourceVersion: '1' }, data: { clusterId: 'mine' } },
    });
    expect(await clusterId(client, where)).toBe('mine');
  });
});
