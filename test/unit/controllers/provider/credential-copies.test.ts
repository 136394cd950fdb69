import { describe, expect, test } from '@jest/globals';
import {
  createCredentialCopies,
  type CopyStore,
} from '../../../../controllers/provider/credential-copies.ts';
import { copyName, type CredentialCopy } from '../../../../controllers/provider/credential-copy.ts';

const aCopy = (change: Partial<CredentialCopy> = {}, secret = 's3cret'): CredentialCopy => ({
  uid: 'uid-1',
  namespace: 'team-a',
  name: 'pve',
  clusterID: 'homelab/pve-1',
  settings: {
    origin: 'https://pve:8006',
    otherOrigins: ['https://pve-2:8006'],
    credentials: { kind: 'token', id: 'a@pve!b', secret },
    ca: undefined,
    fingerprints: ['AA:BB'],
    insecureSkipVerify: false,
  },
  ...change,
});

function world() {
  const secrets = new Map<string, Readonly<Record<string, string>>>();
  const requests: string[] = [];
  let failure: Error | undefined;
  const answer = async <T>(request: string, result: () => T): Promise<T> => {
    requests.push(request);
    await Promise.resolve();
    const error = failure;
    failure = undefined;
    if (error) throw error;
    return result();
  };
  const store: CopyStore = {
    list: () => answer('list', () => [...secrets].map(([name, values]) => ({ name, values }))),
    get: (name) =>
      answer(`get ${name}`, () => {
        const values = secrets.get(name);
        return values && { name, values };
      }),
    put: ({ name, values }) => answer(`put ${name}`, () => void secrets.set(name, values)),
    delete: (name) => answer(`delete ${name}`, () => void secrets.delete(name)),
  };
  let now = 0;
  return {
    secrets,
    requests,
    failNext: (error: Error) => void (failure = error),
    pass: (ms: number) => void (now += ms),
    process: () => createCredentialCopies(store, () => now),
  };
}

describe('a copy of credentials', () => {
  test('is found under the name of its Provider, as it was kept, also by a later process', async () => {
    const { process } = world();
    await process().keep(aCopy());
    expect(await process().find('team-a', 'pve')).toEqual(aCopy());
    expect(await process().find('team-b', 'pve')).toBeUndefined();
  });

  test('is written once for all that need it, and again when the credentials change', async () => {
    const { process, requests } = world();
    const copies = process();
    await Promise.all([copies.keep(aCopy()), copies.keep(aCopy()), copies.keep(aCopy())]);
    expect(requests).toEqual(['list', `put ${copyName('uid-1')}`]);
    await copies.keep(aCopy({}, 'rotated'));
    expect(await copies.find('team-a', 'pve')).toEqual(aCopy({}, 'rotated'));
  });

  test('that could not be written is not taken for written', async () => {
    const { process, secrets, failNext } = world();
    const copies = process();
    await copies.sweep(() => true);
    failNext(new Error('forbidden'));
    await expect(copies.keep(aCopy())).rejects.toThrow('forbidden');
    await copies.keep(aCopy());
    expect(secrets.size).toBe(1);
  });

  test('that an earlier process left is removed once nothing needs it', async () => {
    const { process, secrets } = world();
    await process().keep(aCopy());
    const later = process();
    await later.sweep(() => true);
    expect(secrets.size).toBe(1);
    await later.sweep(() => false);
    expect(secrets.size).toBe(0);
  });

  test('that somebody needs again while copies are removed is there afterwards', async () => {
    const { process, secrets } = world();
    const copies = process();
    await copies.keep(aCopy());
    await Promise.all([copies.sweep(() => false), copies.keep(aCopy())]);
    expect(secrets.size).toBe(1);
  });

  test('that somebody deleted is written again within ten minutes', async () => {
    const { process, secrets, pass } = world();
    const copies = process();
    await copies.keep(aCopy());
    secrets.clear();
    pass(601_000);
    await copies.keep(aCopy());
    expect(secrets.size).toBe(1);
  });

  test('is not used where two Providers had the name: which PVE cluster is meant is not known', async () => {
    const { process } = world();
    const copies = process();
    await copies.keep(aCopy());
    await copies.keep(aCopy({ uid: 'uid-2' }));
    expect(await copies.find('team-a', 'pve')).toBeUndefined();
  });

  test.each([
    ['is no JSON', { 'connection.json': '{' }],
    ['lacks credentials', { 'connection.json': '{"uid":"uid-1"}' }],
    ['is of another Provider', { 'connection.json': JSON.stringify(aCopy({ uid: 'uid-9' })) }],
  ])('that %s is neither used nor removed', async (_why, values) => {
    const { process, secrets } = world();
    secrets.set(copyName('uid-1'), values);
    const copies = process();
    expect(await copies.find('team-a', 'pve')).toBeUndefined();
    await copies.sweep(() => false);
    expect(secrets.size).toBe(1);
  });
});
