import { describe, expect, test } from '@jest/globals';
import { resolveSettings, type Settings } from '../../../../controllers/provider/settings.ts';
import type { Layer } from '../../../../controllers/provider/credentials.ts';
import type { ProviderSpec } from '../../../../src/api/index.ts';

const URL = 'https://pve.example.com:8006';
const PEM = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----';
const TOKEN = { token_id: 'operator@pve!k8s', token_secret: 'of the Secret' };
const PROCESS = { PVE_ENDPOINT: URL, PVE_TOKEN_ID: 'root@pam!process', PVE_TOKEN_SECRET: 'of the process' };

interface DeliveredDigests {
  readonly spec?: Partial<ProviderSpec>;
  readonly env?: Layer;
  readonly secret?: Layer;
  readonly process?: Layer;
}

const resolved = ({ spec, env = {}, secret = {}, process = {} }: DeliveredDigests) =>
  resolveSettings({ type: 'proxmox', ...spec }, { env, secret, process });
const settings = (given: DeliveredDigests): Settings => {
  const result = resolved({ ...given, spec: { endpoint: URL, ...given.spec } });
  if (!result.ok) throw new Error(result.message);
  return result.settings;
};
const reason = (given: DeliveredDigests) => {
  const result = resolved(given);
  return result.ok ? `connects to ${result.settings.origin}` : result.reason;
};

describe('the endpoint', () => {
  const layers: DeliveredDigests = {
    spec: { endpoint: 'https://field:8006' },
    env: { ...TOKEN, PVE_ENDPOINT: 'https://env:8006' },
    secret: { ...TOKEN, PVE_ENDPOINT: 'https://secret:8006' },
    process: { PVE_ENDPOINT: 'https://process:8006' },
  };

  test('is the field, else of runtime.env, else of the Secret, else of the process', () => {
    const { env, secret, process } = layers;
    expect(reason(layers)).toBe('connects to https://field:8006');
    expect(reason({ ...layers, spec: {} })).toBe('connects to https://env:8006');
    expect(reason({ env: { ...env!, PVE_ENDPOINT: ' ' }, secret: secret! })).toBe(
      'connects to https://secret:8006',
    );
    expect(reason({ secret: TOKEN, process: process! })).toBe('connects to https://process:8006');
  });

  test('must be there and be one', () => {
    expect(reason({ secret: TOKEN })).toBe('EndpointMissing');
    expect(reason({ env: { PVE_ENDPOINT: 'ftp://pve' }, secret: TOKEN })).toBe('EndpointInvalid');
  });

  test('may have the path of the API at its end', () => {
    expect(reason({ spec: { endpoint: `${URL}/api2/json/` }, secret: TOKEN })).toBe(`connects to ${URL}`);
  });
});

describe('credentials', () => {
  test.each<[string, Layer]>([
    ['its own names', { token_id: 'a@pve!b', token_secret: 's' }],
    ['the names of the variables', { PVE_TOKEN_ID: 'a@pve!b', PVE_TOKEN_SECRET: 's' }],
    ['names of both kinds', { PVE_TOKEN_ID: 'a@pve!b', token_secret: ' s\n' }],
  ])('are found in a Secret under %s', (_what, secret) => {
    expect(settings({ secret }).credentials).toEqual({ kind: 'token', id: 'a@pve!b', secret: 's' });
  });

  test('may be a user and a password', () => {
    const expected = { kind: 'password', username: 'operator@pve', password: 'p' };
    expect(settings({ secret: { username: 'operator@pve', password: 'p' } }).credentials).toEqual(expected);
    expect(settings({ env: { PVE_USERNAME: 'operator@pve', PVE_PASSWORD: 'p' } }).credentials).toEqual(
      expected,
    );
  });

  test('are the token where a layer has both', () => {
    expect(settings({ secret: { ...TOKEN, username: 'u', password: 'p' } }).credentials.kind).toBe('token');
  });

  test('come from a single layer: halves of two layers are not combined', () => {
    expect(
      reason({ spec: { endpoint: URL }, env: { PVE_TOKEN_ID: 'a@pve!b' }, secret: { token_secret: 's' } }),
    ).toBe('CredentialsIncomplete');
    expect(settings({ env: { PVE_TOKEN_ID: 'mallory@pve!x' }, secret: TOKEN }).credentials).toMatchObject({
      id: TOKEN.token_id,
    });
  });

  test.each<[string, DeliveredDigests, string]>([
    [
      'a Secret',
      { secret: { token_id: 'a@pve!b', 'token-secret': 's' } },
      'the Secret has token_id, but no token_secret. The keys of the Secret are token-secret, token_id',
    ],
    [
      'a Secret',
      { secret: { PVE_PASSWORD: 'hush' } },
      'the Secret has PVE_PASSWORD, but no PVE_USERNAME. The keys of the Secret are PVE_PASSWORD',
    ],
    [
      'runtime.env',
      { env: { PVE_USERNAME: 'a@pve' }, secret: { token_id: 'a@pve!b' } },
      'spec.runtime.env has PVE_USERNAME, but no PVE_PASSWORD',
    ],
    [
      'the process',
      { process: { ...PROCESS, PVE_TOKEN_SECRET: '' } },
      'the environment of the operator has PVE_TOKEN_ID, but no PVE_TOKEN_SECRET',
    ],
  ])('of which %s has one half only are reported', (_where, given, message) => {
    const result = resolved({ ...given, spec: { endpoint: URL } });
    expect(result).toEqual({
      ok: false,
      reason: 'CredentialsIncomplete',
      message: `The credentials are incomplete: ${message}.`,
    });
  });

  test('that are under other keys are reported with the keys, but not those of a Secret of another namespace', () => {
    const secret = { user: 'hush', password: 'hush' };
    const layers = { env: {}, process: {} };
    const spec = { type: 'proxmox', endpoint: URL } as const;
    expect(resolveSettings(spec, { ...layers, secret: { 'api-token': 'hush' } })).toMatchObject({
      reason: 'CredentialsMissing',
      message: expect.stringMatching(/token_id and token_secret.* The keys of the Secret are api-token\.$/),
    });
    const foreign = resolveSettings(spec, { ...layers, secret, foreignSecret: 'other/secret' });
    expect(foreign).toMatchObject({ message: expect.not.stringContaining('keys of the Secret') });
    expect(JSON.stringify(foreign)).not.toContain('hush');
  });

  test('of another server are not mentioned if they may not be used', () => {
    const process = { ...PROCESS, PVE_TOKEN_SECRET: '' };
    expect(resolved({ spec: { endpoint: 'https://other:8006' }, process })).toMatchObject({
      message: expect.stringContaining('No credentials found'),
    });
  });

  test('of runtime.env take precedence over those of the Secret', () => {
    expect(settings({ env: { PVE_USERNAME: 'u', PVE_PASSWORD: 'p' }, secret: TOKEN }).credentials.kind).toBe(
      'password',
    );
  });

  test.each(['', '  '])('that are empty ("%s") are none', (empty) => {
    expect(reason({ spec: { endpoint: URL }, secret: { token_id: empty, token_secret: empty } })).toBe(
      'CredentialsMissing',
    );
  });
});

describe("the process's own credentials", () => {
  test('serve a Provider without an endpoint, and one with the same origin', () => {
    for (const endpoint of [undefined, URL, `${URL}/api2`])
      expect(resolved({ spec: endpoint === undefined ? {} : { endpoint }, process: PROCESS })).toMatchObject({
        ok: true,
        settings: { credentials: { id: 'root@pam!process' } },
      });
  });

  test.each([
    'https://evil.example.com:8006',
    'https://pve.example.com:8007',
    'http://pve.example.com:8006',
    'https://pve.example.com.evil.com:8006',
  ])('are never sent to %s', (endpoint) => {
    expect(reason({ spec: { endpoint }, process: PROCESS })).toBe('CredentialsMissing');
    expect(reason({ env: { PVE_ENDPOINT: endpoint }, process: PROCESS })).toBe('CredentialsMissing');
    expect(reason({ secret: { PVE_ENDPOINT: endpoint }, process: PROCESS })).toBe('CredentialsMissing');
  });

  test('are never sent to a server of others because the process names none', () => {
    const { PVE_ENDPOINT: _, ...withoutEndpoint } = PROCESS;
    expect(reason({ spec: { endpoint: URL }, process: withoutEndpoint })).toBe('CredentialsMissing');
  });

  test('are not the only thing that stays behind: its TLS settings do too', () => {
    const process = { ...PROCESS, PVE_INSECURE_SKIP_VERIFY: 'true', PVE_CA_BUNDLE: PEM };
    expect(settings({ spec: { endpoint: 'https://other:8006' }, secret: TOKEN, process })).toMatchObject({
      insecureSkipVerify: false,
      ca: undefined,
    });
    expect(settings({ secret: TOKEN, process })).toMatchObject({ insecureSkipVerify: true, ca: PEM });
  });
});

describe('further endpoints', () => {
  const both = { endpoint: URL, endpoints: ['https://pve-2:8006/api2', URL, 'https://pve-2:8006'] };

  test('are listed once each, behind the first', () => {
    expect(settings({ spec: both, secret: TOKEN })).toMatchObject({
      origin: URL,
      otherOrigins: ['https://pve-2:8006'],
    });
  });

  test('of others exclude the credentials of the process, even next to its own endpoint', () => {
    expect(reason({ spec: both, process: PROCESS })).toBe('CredentialsMissing');
    expect(reason({ spec: { endpoints: [URL] }, process: PROCESS })).toBe(`connects to ${URL}`);
  });

  test('must be endpoints', () => {
    expect(reason({ spec: { endpoint: URL, endpoints: ['pve-2'] }, secret: TOKEN })).toBe('EndpointInvalid');
  });
});

describe('what a server is known by', () => {
  const AB = Array.from({ length: 32 }, () => 'AB').join(':');

  test('is the field before the Secret', () => {
    const secret = { ...TOKEN, fingerprint: AB, 'ca.crt': PEM };
    const tls = { caBundle: `${PEM}\n`, fingerprints: [AB.replaceAll('AB', 'CD')] };
    expect(settings({ secret })).toMatchObject({ ca: PEM, fingerprints: [AB] });
    expect(settings({ secret, spec: { tls } })).toMatchObject({
      ca: tls.caBundle,
      fingerprints: tls.fingerprints,
    });
  });

  test('is refused for a CA bundle of more than 64 KiB, also in a Secret', () => {
    const secret = { ...TOKEN, 'ca.crt': PEM.repeat(3000) };
    expect(reason({ spec: { endpoint: URL }, secret })).toBe('CABundleInvalid');
  });

  test.each([
    ['a CA without a certificate', { tls: { caBundle: 'none' } }, 'CABundleInvalid'],
    ['a fingerprint of another kind', { tls: { fingerprints: ['AB:CD'] } }, 'FingerprintInvalid'],
    [
      'a fingerprint without TLS',
      { endpoint: 'http://pve:8006', tls: { fingerprints: [AB] } },
      'EndpointInvalid',
    ],
  ])('is refused for %s', (_what, spec, expected) => {
    expect(reason({ spec: { endpoint: URL, ...spec }, secret: TOKEN })).toBe(expected);
  });
});

describe('other settings', () => {
  test.each(['1', 'true', 'YES', 'on'])('certificates are not verified for "%s"', (text) => {
    expect(settings({ secret: TOKEN, env: { PVE_INSECURE_SKIP_VERIFY: text } }).insecureSkipVerify).toBe(
      true,
    );
  });

  test.each(['', '0', 'false', 'no', 'treu'])('certificates are checked for "%s"', (text) => {
    expect(settings({ secret: TOKEN, env: { PVE_INSECURE_SKIP_VERIFY: text } }).insecureSkipVerify).toBe(
      false,
    );
  });

  test('a field takes precedence over a variable, also if it is false', () => {
    const env = { PVE_INSECURE_SKIP_VERIFY: 'true', PVE_NODE_SELECTOR: 'pve-9' };
    expect(
      settings({ secret: TOKEN, env, spec: { insecureSkipVerify: false, nodeSelector: [] } }),
    ).toMatchObject({ insecureSkipVerify: false, nodeSelector: [] });
  });

  test('names of nodes are separated by commas', () => {
    expect(settings({ secret: { ...TOKEN, PVE_NODE_SELECTOR: ' pve-1, pve-2,,' } }).nodeSelector).toEqual([
      'pve-1',
      'pve-2',
    ]);
    expect(settings({ secret: TOKEN }).nodeSelector).toEqual([]);
  });

  test('a certificate authority is found under both names', () => {
    expect(settings({ secret: { ...TOKEN, 'ca.crt': PEM } }).ca).toBe(PEM);
    expect(settings({ secret: { ...TOKEN, PVE_CA_BUNDLE: PEM } }).ca).toBe(PEM);
  });
});
