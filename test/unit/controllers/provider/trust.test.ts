import { describe, expect, test } from '@jest/globals';
import fc from '../../../builders/fast-check.ts';
import {
  resolveSettings,
  type Settings,
  type SettingsResult,
} from '../../../../controllers/provider/settings.ts';
import type { Layer } from '../../../../controllers/provider/credentials.ts';
import type { ProviderSpec } from '../../../../src/api/index.ts';

const URL = 'https://pve.example.com:8006';
const EVIL = 'https://evil.example.com:8006';
const pem = (text: string): string => `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----`;
const [CA, OTHER_CA] = [pem('MIIA'), pem('MIIB')];
const pin = (byte: string): string => Array.from({ length: 32 }, () => byte).join(':');
const [PIN, OTHER_PIN] = [pin('AA'), pin('BB')];
const OPERATOR = { PVE_ENDPOINT: URL, PVE_TOKEN_ID: 'root@pam!operator', PVE_TOKEN_SECRET: 'operator' };
const SHARED = { PVE_ENDPOINT: URL, token_id: 'shared@pve!k8s', token_secret: 'shared' };
const OWN = { token_id: 'own@pve!k8s', token_secret: 'own' };

interface Given {
  readonly spec?: Partial<ProviderSpec>;
  readonly env?: Layer;
  readonly secret?: Layer;
  readonly foreignSecret?: string;
  readonly process?: Layer;
}
const resolved = ({ spec, env = {}, secret = {}, process = {}, foreignSecret }: Given): SettingsResult =>
  resolveSettings({ type: 'proxmox', ...spec }, { env, secret, process, foreignSecret });
const shared = (given: Given): Given => ({ secret: SHARED, foreignSecret: 'shared/pve', ...given });
const refusal = (given: Given): string => {
  const result = resolved(given);
  return result.ok ? `connects to ${result.settings.origin}` : result.reason;
};

describe('a Provider that uses credentials of the operator', () => {
  const withCa = { ...OPERATOR, PVE_CA_BUNDLE: CA };

  test.each<[string, Given]>([
    ['insecureSkipVerify', { spec: { insecureSkipVerify: true } }],
    ['PVE_INSECURE_SKIP_VERIFY of runtime.env', { env: { PVE_INSECURE_SKIP_VERIFY: 'true' } }],
    ['PVE_INSECURE_SKIP_VERIFY of its Secret', { secret: { PVE_INSECURE_SKIP_VERIFY: 'true' } }],
    ['a fingerprint', { spec: { tls: { fingerprints: [PIN] } } }],
    ['a fingerprint in its Secret', { secret: { fingerprint: PIN } }],
    ['another CA', { spec: { tls: { caBundle: OTHER_CA } } }],
    ['another CA next to that of the operator', { secret: { 'ca.crt': `${CA}\n${OTHER_CA}` } }],
  ])('is refused with %s of its own, which would let somebody else read them', (_what, given) => {
    for (const process of [OPERATOR, withCa])
      expect(resolved({ ...given, process })).toMatchObject({
        ok: false,
        reason: 'TrustNotAllowed',
        message: expect.stringContaining('the environment of the operator'),
      });
  });

  test('may pin or verify servers where the operator verifies none, and verify more than it does', () => {
    const insecure = { ...OPERATOR, PVE_INSECURE_SKIP_VERIFY: 'true' };
    const trust = (given: Given): Partial<Settings> | string => {
      const result = resolved(given);
      if (!result.ok) return result.reason;
      const { ca, fingerprints, insecureSkipVerify } = result.settings;
      return { ca, fingerprints, insecureSkipVerify };
    };
    expect(trust({ process: insecure, spec: { tls: { fingerprints: [PIN] } } })).toMatchObject({
      fingerprints: [PIN],
    });
    expect(trust({ process: insecure, spec: { tls: { caBundle: CA } } })).toMatchObject({
      ca: CA,
      insecureSkipVerify: false,
    });
    expect(trust({ process: insecure, spec: { insecureSkipVerify: false } })).toMatchObject({
      insecureSkipVerify: false,
    });
    const pinned = { ...OPERATOR, PVE_FINGERPRINT: `${PIN},${OTHER_PIN}` };
    expect(trust({ process: pinned, spec: { tls: { fingerprints: [PIN] } } })).toMatchObject({
      fingerprints: [PIN],
    });
    const both = { ...OPERATOR, PVE_CA_BUNDLE: `${CA}\n${OTHER_CA}` };
    expect(trust({ process: both, spec: { tls: { caBundle: CA } } })).toMatchObject({ ca: CA });
  });

  test('cannot hide a certificate of its own between those of the operator', () => {
    const hidden = OTHER_CA.replaceAll(' CERTIFICATE', ' TRUSTED CERTIFICATE');
    const result = resolved({ process: withCa, spec: { tls: { caBundle: `${CA}\n${hidden}` } } });
    expect(result).toMatchObject({ ok: true, settings: { ca: CA } });
  });
});

describe('a Provider that uses a Secret of another namespace', () => {
  test('connects where that Secret says, and with its trust', () => {
    expect(resolved(shared({ secret: { ...SHARED, 'ca.crt': CA } }))).toMatchObject({
      ok: true,
      settings: { origin: URL, ca: CA, credentials: { id: 'shared@pve!k8s' } },
    });
    expect(refusal(shared({ spec: { endpoint: `${URL}/api2` } }))).toBe(`connects to ${URL}`);
  });

  test.each<[string, Given]>([
    ['another endpoint', { spec: { endpoint: EVIL } }],
    ['another endpoint in runtime.env', { env: { PVE_ENDPOINT: EVIL } }],
    ['a further endpoint', { spec: { endpoints: [EVIL] } }],
    ['an endpoint where the Secret names none', { spec: { endpoint: EVIL }, secret: OWN }],
  ])('is refused with %s, which would get the credentials', (_what, given) => {
    expect(resolved(shared(given))).toMatchObject({
      ok: false,
      reason: 'EndpointNotAllowed',
      message: expect.stringContaining('Secret shared/pve'),
    });
  });

  test.each<[string, Given]>([
    ['insecureSkipVerify', { spec: { insecureSkipVerify: true } }],
    ['a fingerprint', { env: { PVE_FINGERPRINT: PIN } }],
    ['another CA', { spec: { tls: { caBundle: OTHER_CA } } }],
  ])('is refused with %s of its own', (_what, given) => {
    expect(refusal(shared(given))).toBe('TrustNotAllowed');
  });

  test('does not send credentials of its own where that Secret says', () => {
    expect(refusal(shared({ env: { PVE_TOKEN_ID: 'own@pve!k8s', PVE_TOKEN_SECRET: 'own' } }))).toBe(
      'EndpointMissing',
    );
  });
});

describe('a Provider with credentials of its own', () => {
  test('keeps its own CA at the endpoint of an operator that verifies nothing, or by fingerprints', () => {
    for (const more of [{ PVE_INSECURE_SKIP_VERIFY: 'true' }, { PVE_FINGERPRINT: PIN }])
      expect(resolved({ secret: { ...OWN, 'ca.crt': CA }, process: { ...OPERATOR, ...more } })).toMatchObject(
        { ok: true, settings: { ca: CA, fingerprints: [], insecureSkipVerify: false } },
      );
  });

  test('decides by itself whom it trusts', () => {
    expect(
      resolved({ secret: { ...OWN, 'ca.crt': CA }, spec: { endpoint: EVIL, insecureSkipVerify: true } }),
    ).toMatchObject({ ok: true, settings: { origin: EVIL, insecureSkipVerify: true } });
  });
});

describe('manifests without trust of their own', () => {
  const insecure = { ...OPERATOR, PVE_INSECURE_SKIP_VERIFY: 'true' };

  test.each<[string, Given, Partial<Settings>]>([
    [
      'only name nodes, next to an operator for development',
      { spec: { endpoint: `${URL}/api2` }, env: { PVE_NODE_SELECTOR: 'pve-1' }, process: insecure },
      { insecureSkipVerify: true, nodeSelector: ['pve-1'] },
    ],
    [
      'say again what the operator says',
      { env: { PVE_INSECURE_SKIP_VERIFY: 'true' }, process: insecure },
      { insecureSkipVerify: true },
    ],
    [
      'have a Secret and skip the verification',
      { spec: { endpoint: EVIL }, env: { PVE_INSECURE_SKIP_VERIFY: 'true' }, secret: OWN },
      { insecureSkipVerify: true },
    ],
    [
      'have a Secret for the Proxmox VE of the operator',
      { spec: { endpoint: URL }, secret: OWN, process: { ...OPERATOR, PVE_CA_BUNDLE: CA } },
      { ca: CA, insecureSkipVerify: false },
    ],
  ])('connect if they %s', (_what, given, settings) => {
    expect(resolved(given)).toMatchObject({ ok: true, settings });
  });
});

/** Who a server can be; `root` is the CA that signed its certificate. */
interface Server {
  readonly leaf: string;
  readonly root: string | undefined;
}
const SERVERS: readonly Server[] = [PIN, OTHER_PIN, pin('CC')].flatMap((leaf) =>
  [undefined, 'public', CA, OTHER_CA].map((root) => ({ leaf, root })),
);
type Trust = Pick<Settings, 'ca' | 'fingerprints' | 'insecureSkipVerify'>;

const accepts = ({ ca, fingerprints, insecureSkipVerify }: Trust, { leaf, root }: Server): boolean => {
  if (fingerprints.length > 0) return fingerprints.includes(leaf);
  if (insecureSkipVerify) return true;
  return root !== undefined && (ca === undefined ? root === 'public' : ca.includes(root));
};

const trustOf = (layer: Layer): Trust => ({
  ca: layer['PVE_CA_BUNDLE'],
  fingerprints: layer['PVE_FINGERPRINT']?.split(',') ?? [],
  insecureSkipVerify: layer['PVE_INSECURE_SKIP_VERIFY'] === 'true',
});
const saysTrust = (layer: Layer): boolean =>
  Object.keys(layer).some((name) => /CA_BUNDLE|FINGERPRINT/.test(name)) ||
  layer['PVE_INSECURE_SKIP_VERIFY'] === 'true';

const layer = (owner: string): fc.Arbitrary<Layer> => {
  const optional = (values: readonly string[]) => fc.constantFrom(undefined, undefined, ...values);
  return fc
    .record({
      PVE_ENDPOINT: optional([URL, EVIL]),
      PVE_TOKEN_SECRET: optional([owner]),
      PVE_CA_BUNDLE: optional([CA, OTHER_CA, `${CA}\n${OTHER_CA}`]),
      PVE_FINGERPRINT: optional([PIN, `${PIN},${OTHER_PIN}`]),
      PVE_INSECURE_SKIP_VERIFY: optional(['true', 'false']),
    })
    .map((values) => {
      const set = Object.entries({ PVE_TOKEN_ID: 'a@pve!b', ...values });
      return Object.fromEntries(set.filter((entry): entry is [string, string] => entry[1] !== undefined));
    });
};

const spec: fc.Arbitrary<Partial<ProviderSpec>> = layer('spec').map((values) => ({
  ...(values['PVE_ENDPOINT'] !== undefined && { endpoint: values['PVE_ENDPOINT'] }),
  ...(values['PVE_INSECURE_SKIP_VERIFY'] !== undefined && {
    insecureSkipVerify: values['PVE_INSECURE_SKIP_VERIFY'] === 'true',
  }),
  tls: {
    ...(values['PVE_CA_BUNDLE'] !== undefined && { caBundle: values['PVE_CA_BUNDLE'] }),
    ...(values['PVE_FINGERPRINT'] !== undefined && { fingerprints: values['PVE_FINGERPRINT'].split(',') }),
  },
}));

interface Case {
  readonly spec: Partial<ProviderSpec>;
  readonly furtherEndpoint: string | undefined;
  readonly env: Layer;
  readonly secret: Layer;
  readonly process: Layer;
}

const cases: fc.Arbitrary<Case> = fc.record({
  spec,
  furtherEndpoint: fc.constantFrom(undefined, undefined, URL, EVIL),
  env: layer('own'),
  secret: layer('foreign'),
  process: layer('operator'),
});

const settingsOf = ({ spec: given, furtherEndpoint, ...layers }: Case): Settings | undefined => {
  const endpoints = furtherEndpoint === undefined ? [] : [furtherEndpoint];
  const result = resolved({ spec: { ...given, endpoints }, ...layers, foreignSecret: 'shared/pve' });
  return result.ok ? result.settings : undefined;
};

/** Who says nothing about trust leaves it to the operator, at the endpoint of the operator. */
const baseOf = (theirs: Layer, named: string | undefined, { process }: Case): Trust =>
  trustOf(!saysTrust(theirs) && named === process['PVE_ENDPOINT'] ? process : theirs);

test('no combination of layers loosens trust, or sends credentials to an endpoint that their layer did not name', () => {
  const seen = { own: 0, foreign: 0, operator: 0, refused: 0 };
  fc.assert(
    fc.property(cases, (given) => {
      const settings = settingsOf(given);
      const credentials = settings?.credentials;
      const owner = credentials?.kind === 'token' ? (credentials.secret as keyof typeof seen) : 'refused';
      seen[owner] += 1;
      if (!settings) return;
      const { spec: fields, env, secret, process } = given;
      if (owner === 'own') {
        expect(settings.origin).toBe(fields.endpoint ?? env['PVE_ENDPOINT'] ?? process['PVE_ENDPOINT']);
        return;
      }
      const theirs = owner === 'operator' ? process : secret;
      const named = theirs['PVE_ENDPOINT'] ?? process['PVE_ENDPOINT'];
      expect(new Set([settings.origin, ...settings.otherOrigins])).toEqual(new Set([named]));
      const base = baseOf(theirs, named, given);
      const wronglyTrusted = SERVERS.filter((server) => accepts(settings, server) && !accepts(base, server));
      expect(wronglyTrusted).toEqual([]);
    }),
    { numRuns: 6000 },
  );
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(20);
});
