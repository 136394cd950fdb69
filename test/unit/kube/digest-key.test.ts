import { describe, expect, test } from '@jest/globals';
import { digestKey } from '../../../src/kube/digest-key.ts';
import { inMemoryApi } from './in-memory-api.ts';

const where = { namespace: 'system', name: 'operator-digest' };
const URL = '/api/v1/namespaces/system/secrets/operator-digest';

describe('the key of the digests', () => {
  test('is made once and then always the same', async () => {
    const api = inMemoryApi();
    const key = await digestKey(api.client, where);
    expect(key).toHaveLength(32);
    expect(await digestKey(api.client, where)).toEqual(key);
    expect(api.requests.filter((request) => request.startsWith('create'))).toHaveLength(1);
  });

  test('is the same for all processes that start together', async () => {
    const { client } = inMemoryApi();
    const keys = await Promise.all(Array.from({ length: 5 }, () => digestKey(client, where)));
    expect(new Set(keys.map((key) => Buffer.from(key).toString('hex'))).size).toBe(1);
  });

  test('is not believed where it is too short to be one', async () => {
    const { client } = inMemoryApi({
      [URL]: { metadata: { name: 'operator-digest', resourceVersion: '1' }, data: { 'digest-key': 'AAAA' } },
    });
    await expect(digestKey(client, where)).rejects.toThrow(/system\/operator-digest lacks digest-key/);
  });
});
