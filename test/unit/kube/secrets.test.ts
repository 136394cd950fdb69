import { describe, expect, test } from '@jest/globals';
import { seconds } from '../../../src/lib/units.ts';
import { configMapReader, secretReader } from '../../../src/kube/secrets.ts';
import { fakeClock } from '../runtime/fake-clock.ts';
import { inMemoryApi } from './in-memory-api.ts';

const URL = '/api/v1/namespaces/ns/secrets/pve';
const secret = (data: object) => ({
  [URL]: { metadata: { name: 'pve', uid: 'u', resourceVersion: '1' }, data },
});

describe('a Secret', () => {
  test('is read by name and decoded', async () => {
    const { client } = inMemoryApi(secret({ password: Buffer.from('geheim ü').toString('base64') }));
    const read = await secretReader(client, fakeClock()).get('ns', 'pve');
    expect(read).toEqual({
      uid: 'u',
      resourceVersion: '1',
      annotations: {},
      values: { password: 'geheim ü' },
      binary: {},
    });
  });

  test('has the bytes of a value that is no text', async () => {
    const bytes = Buffer.from([0x1f, 0x8b, 0x08, 0xff]).toString('base64');
    const { client } = inMemoryApi(secret({ userdata: bytes, note: Buffer.from('a').toString('base64') }));
    const read = await secretReader(client, fakeClock()).get('ns', 'pve');
    expect(read).toMatchObject({ values: { note: 'a' }, binary: { userdata: bytes } });
    expect(read?.binary).not.toHaveProperty('note');
  });

  test('is read once for all that ask at about the same time, and again after that', async () => {
    const { client, requests } = inMemoryApi(secret({}));
    const clock = fakeClock();
    const reader = secretReader(client, clock);
    await Promise.all([reader.get('ns', 'pve'), reader.get('ns', 'pve')]);
    await clock.advance(seconds(4));
    await reader.get('ns', 'pve');
    expect(requests).toEqual([`get ${URL}`]);
    await clock.advance(seconds(1));
    await reader.get('ns', 'pve');
    expect(requests).toHaveLength(2);
  });

  test('is not kept where all that are kept are more than 16 million characters', async () => {
    const large = Buffer.from('x'.repeat(1_000_000)).toString('base64');
    const names = Array.from({ length: 17 }, (_, n) => `s${n}`);
    const { client, requests } = inMemoryApi(
      Object.fromEntries(
        names.map((name) => [
          `/api/v1/namespaces/ns/secrets/${name}`,
          { metadata: { name, uid: 'u', resourceVersion: '1' }, data: { large } },
        ]),
      ),
    );
    const reader = secretReader(client, fakeClock());
    for (const name of names) await reader.get('ns', name);
    await reader.get('ns', 's16');
    expect(requests).toHaveLength(17);
    await reader.get('ns', 's0');
    expect(requests).toHaveLength(18);
  });

  test('that could not be read is asked for again at once', async () => {
    let tries = 0;
    const get = () => Promise.reject(new Error(`try ${(tries += 1)}`));
    const reader = secretReader({ get }, fakeClock());
    await expect(reader.get('ns', 'pve')).rejects.toThrow('try 1');
    await expect(reader.get('ns', 'pve')).rejects.toThrow('try 2');
  });

  test('that does not exist is undefined', async () => {
    expect(await secretReader(inMemoryApi().client, fakeClock()).get('ns', 'pve')).toBeUndefined();
  });
});

test('a ConfigMap is read as it is', async () => {
  const { client } = inMemoryApi({
    '/api/v1/namespaces/ns/configmaps/c': {
      metadata: { name: 'c', uid: 'u', resourceVersion: '1' },
      data: { a: 'b' },
    } as never,
  });
  expect((await configMapReader(client, fakeClock()).get('ns', 'c'))?.values).toEqual({ a: 'b' });
});
