import { describe, expect, test } from '@jest/globals';
import { gatherLayers, type LayerPorts, type NamedEntries } from '../../../../controllers/provider/layers.ts';
import { ALLOW_FROM, type ProviderSpec } from '../../../../src/api/index.ts';
import { aProvider } from '../../../builders/objects.ts';

const entries = (values: Record<string, string>, annotations: Record<string, string> = {}): NamedEntries => ({
  values,
  annotations,
});
const SECRETS: Readonly<Record<string, NamedEntries>> = {
  'default/pve': entries({ token_id: 'a@pve!b' }),
  'shared/pve': entries({ token_id: 'shared' }, { [ALLOW_FROM]: 'default' }),
  'private/pve': entries({ token_id: 'private' }),
  'default/leaving': { ...entries({ token_id: 'a' }), deletionTimestamp: '2026-03-01T12:00:00Z' },
};
const gather = (spec: Partial<ProviderSpec>, rest: Partial<LayerPorts> = {}) =>
  gatherLayers(aProvider(spec), {
    readSecret: (namespace, name) => Promise.resolve(SECRETS[`${namespace}/${name}`]),
    readConfigMap: (namespace, name) =>
      Promise.resolve(
        namespace === 'default' && name === 'settings' ? entries({ nodes: 'pve-1' }) : undefined,
      ),
    process: { PVE_ENDPOINT: 'https://process:8006' },
    ...rest,
  });
const env = (...variables: NonNullable<NonNullable<ProviderSpec['runtime']>['env']>) =>
  gather({ runtime: { env: variables } });

describe('the Secret of a Provider', () => {
  test('is in its own namespace unless it says another that allows it', async () => {
    expect(await gather({ credentialSecretRef: { name: 'pve' } })).toMatchObject({
      layers: { secret: { token_id: 'a@pve!b' } },
    });
    expect(await gather({ credentialSecretRef: { name: 'pve', namespace: 'shared' } })).toMatchObject({
      layers: { secret: { token_id: 'shared' }, foreignSecret: 'shared/pve' },
    });
  });

  test('of another namespace is not used without its permission, and its contents are not disclosed', async () => {
    const refused = await gather({ credentialSecretRef: { name: 'pve', namespace: 'private' } });
    expect(refused).toMatchObject({ ok: false, reason: 'ReferenceNotAllowed' });
    expect(JSON.stringify(refused)).not.toContain('token_id');
  });

  test('of another namespace that may not be used is not told from one that does not exist', async () => {
    const gathered = async (secret: NamedEntries | undefined) =>
      gather(
        { credentialSecretRef: { name: 'pve', namespace: 'private' } },
        { readSecret: () => Promise.resolve(secret) },
      );
    expect(await gathered(entries({ token_id: 'private' }))).toEqual(await gathered(undefined));
  });

  test('of a namespace that the operator does not watch is refused, although it allows it', async () => {
    const refused = await gather(
      { credentialSecretRef: { name: 'pve', namespace: 'shared' } },
      { watches: (namespace) => namespace === 'default' },
    );
    expect(refused).toMatchObject({ ok: false, reason: 'NamespaceNotWatched' });
  });

  test('that is missing is waited for by name', async () => {
    expect(await gather({ credentialSecretRef: { name: 'nope' } })).toMatchObject({
      ok: false,
      reason: 'SecretNotFound',
      message: expect.stringContaining('default/nope'),
    });
  });

  test('that is being deleted counts as withdrawn, whatever finalizers keep it', async () => {
    const withdrawn = {
      ok: false,
      reason: 'SecretNotFound',
      message: expect.stringContaining('is being deleted'),
    };
    expect(await gather({ credentialSecretRef: { name: 'leaving' } })).toMatchObject(withdrawn);
    const valueFrom = { secretKeyRef: { name: 'leaving', key: 'token_id' } };
    expect(await env({ name: 'PVE_TOKEN_ID', valueFrom })).toMatchObject(withdrawn);
  });

  test('may be absent', async () => {
    expect(await gather({})).toEqual({
      ok: true,
      layers: { env: {}, secret: {}, process: { PVE_ENDPOINT: 'https://process:8006' } },
    });
  });
});

describe('the environment of the operator', () => {
  const processOf = async (rest: Partial<LayerPorts>) => {
    const gathered = await gather({}, rest);
    return gathered.ok && gathered.layers.process;
  };

  test('serves Providers of all namespaces, unless it says of which', async () => {
    const own = { PVE_ENDPOINT: 'https://process:8006' };
    expect(await processOf({})).toEqual(own);
    expect(await processOf({ mayUseProcess: (namespace) => namespace === 'default' })).toEqual(own);
    expect(await processOf({ mayUseProcess: (namespace) => namespace === 'infra' })).toEqual({});
  });
});

describe('runtime.env', () => {
  test('takes plain values and entries of Secrets and ConfigMaps', async () => {
    const gathered = await env(
      { name: 'A', value: 'plain' },
      { name: 'B', valueFrom: { secretKeyRef: { name: 'pve', key: 'token_id' } } },
      { name: 'C', valueFrom: { configMapKeyRef: { name: 'settings', key: 'nodes' } } },
    );
    expect(gathered).toMatchObject({ layers: { env: { A: 'plain', B: 'a@pve!b', C: 'pve-1' } } });
  });

  test.each([
    [{ secretKeyRef: { name: 'pve', key: 'nope' } }, 'Secret default/pve, which has only the keys token_id.'],
    [
      { configMapKeyRef: { name: 'settings', key: 'node' } },
      'ConfigMap default/settings, which has only the keys nodes.',
    ],
  ])('that lacks a key is answered with the keys that there are, and no values', async (valueFrom, said) => {
    const refused = await env({ name: 'A', valueFrom });
    expect(refused).toMatchObject({ reason: 'SecretKeyNotFound', message: expect.stringContaining(said) });
    expect(JSON.stringify(refused)).not.toMatch(/a@pve|pve-1/);
  });

  test.each([
    ['Secret', { secretKeyRef: { name: 'pve', key: 'nope' } }, 'SecretKeyNotFound'],
    ['Secret', { secretKeyRef: { name: 'nope', key: 'x' } }, 'SecretNotFound'],
    ['ConfigMap', { configMapKeyRef: { name: 'nope', key: 'x' } }, 'SecretNotFound'],
  ])('says which entry of which %s is missing', async (kind, valueFrom, reason) => {
    expect(await env({ name: 'PVE_TOKEN_ID', valueFrom })).toMatchObject({
      ok: false,
      reason,
      message: expect.stringContaining(kind),
    });
  });
});
