import { describe, expect, test } from '@jest/globals';
import { unverified } from '../../../../controllers/provider/report.ts';
import { connectionOf, resolveSettings } from '../../../../controllers/provider/settings.ts';
import type { Layer, Layers } from '../../../../controllers/provider/credentials.ts';
import type { ProviderSpec } from '../../../../src/api/index.ts';

const TOKEN: Layer = { token_id: 'operator@pve!k8s', token_secret: 'of-the-secret' };
const PEM = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----';
const pemOf = (who: string): string => `${who}\n${PEM}`;
const [ONE, TWO] = ['AB'.repeat(32), 'CD'.repeat(32)];
const colons = (hex: string): string => (hex.match(/../g) ?? []).join(':');
const ENDPOINT = 'https://pve-1.example.com:8006';

const resolve = (spec: Partial<ProviderSpec>, layers: Partial<Layers> = {}) =>
  resolveSettings({ type: 'proxmox', ...spec }, { env: {}, secret: TOKEN, process: {}, ...layers });
const settings = (spec: Partial<ProviderSpec>, layers: Partial<Layers> = {}) => {
  const resolved = resolve(spec, layers);
  if (!resolved.ok) throw new Error(resolved.message);
  return resolved.settings;
};
const refusal = (spec: Partial<ProviderSpec>, layers: Partial<Layers> = {}) => {
  const resolved = resolve(spec, layers);
  return resolved.ok ? 'none' : `${resolved.reason}: ${resolved.message}`;
};

/** The same setting in every place, so that the first place shows. */
const everywhere = (name: string, value: (place: string) => string, secretKey = name): Layers => ({
  env: { [name]: value('env') },
  secret: { ...TOKEN, [secretKey]: value('secret') },
  process: { PVE_ENDPOINT: ENDPOINT, [name]: value('process') },
});

/** Leaves out the uppermost `count` places. */
const without = (layers: Layers, count: number): Layers => ({
  env: count > 0 ? {} : layers.env,
  secret: count > 1 ? TOKEN : layers.secret,
  process: layers.process,
});

describe('a setting in several places is taken from the spec, runtime.env, the Secret, the process, in this order', () => {
  test.each([0, 1, 2])('the CA, with %d places left out', (count) => {
    const layers = without(everywhere('PVE_CA_BUNDLE', pemOf), count);
    expect(settings({ endpoint: ENDPOINT }, layers).ca).toContain(['env', 'secret', 'process'][count]);
    const tls = { caBundle: pemOf('spec') };
    expect(settings({ endpoint: ENDPOINT, tls }, layers).ca).toContain('spec');
  });

  test('the CA under the name that the Secret has for it', () => {
    const layers = { ...everywhere('PVE_CA_BUNDLE', pemOf, 'ca.crt'), env: {} };
    expect(settings({ endpoint: ENDPOINT }, layers).ca).toContain('secret');
  });

  test.each([0, 1, 2])('fingerprints, with %d places left out', (count) => {
    const of = (place: string): string =>
      (({ env: '11', secret: '22', process: '33' })[place] ?? '').repeat(32);
    const layers = without(everywhere('PVE_FINGERPRINT', of), count);
    expect(settings({ endpoint: ENDPOINT }, layers).fingerprints).toEqual([
      colons(of(['env', 'secret', 'process'][count]!)),
    ]);
    const tls = { fingerprints: [ONE] };
    expect(settings({ endpoint: ENDPOINT, tls }, layers).fingerprints).toEqual([colons(ONE)]);
  });

  test.each([0, 1])('the endpoint, with %d places left out', (count) => {
    const layers = without(
      everywhere('PVE_ENDPOINT', (place) => `https://${place}.example.com`),
      count,
    );
    expect(settings({}, layers).origin).toBe(`https://${['env', 'secret'][count] ?? ''}.example.com:8006`);
    expect(settings({ endpoint: ENDPOINT }, layers).origin).toBe(ENDPOINT);
  });

  test('the check of certificates, which the spec can also turn on again', () => {
    const layers = { env: { PVE_INSECURE_SKIP_VERIFY: 'true' } };
    expect(settings({ endpoint: ENDPOINT }, layers).insecureSkipVerify).toBe(true);
    expect(settings({ endpoint: ENDPOINT, insecureSkipVerify: false }, layers).insecureSkipVerify).toBe(
      false,
    );
  });
});

describe('fingerprints', () => {
  test('may be several, with commas, and in any spelling', () => {
    const secret = { ...TOKEN, fingerprint: ` ${ONE.toLowerCase()}, ${colons(TWO)},` };
    expect(settings({ endpoint: ENDPOINT }, { secret }).fingerprints).toEqual([colons(ONE), colons(TWO)]);
  });

  test('that are none are refused with the command that prints one', () => {
    const env = { PVE_FINGERPRINT: `${ONE},AB:CD` };
    expect(refusal({ endpoint: ENDPOINT }, { env })).toMatch(/^FingerprintInvalid: .*openssl x509/);
  });

  test('need an endpoint that shows a certificate', () => {
    const tls = { fingerprints: [ONE] };
    expect(refusal({ endpoint: 'http://pve.example.com', tls })).toMatch(/^EndpointInvalid: .*https/);
    expect(refusal({ endpoint: ENDPOINT, endpoints: ['http://pve.example.com'], tls })).toMatch(/https/);
  });
});

test('a CA bundle that holds no certificate is refused, and a path is called one', () => {
  const withBundle = (bundle: string) => refusal({ endpoint: ENDPOINT }, { env: { PVE_CA_BUNDLE: bundle } });
  for (const path of ['/etc/ssl/ca.pem', './ca.pem', '~/ca.pem'])
    expect(withBundle(path)).toMatch(/^CABundleInvalid: .*the path of a file.*PEM/);
  const other = withBundle('MIIB…');
  expect(other).toMatch(/^CABundleInvalid: .*PEM/);
  expect(other).not.toContain('path of a file');
});

describe('several endpoints', () => {
  test('keep their order, each once, without what follows the port', () => {
    const endpoints = [
      'https://[fd00::2]:8006/api2/json',
      'https://pve-1.example.com/api2',
      'https://pve-3.example.com',
      'https://[fd00::2]/',
    ];
    expect(connectionOf(settings({ endpoint: ENDPOINT, endpoints }))).toMatchObject({
      endpoint: ENDPOINT,
      endpoints: ['https://[fd00::2]:8006', 'https://pve-3.example.com:8006'],
    });
  });

  test('are not given the credentials of the process', () => {
    const process = {
      PVE_ENDPOINT: ENDPOINT,
      PVE_TOKEN_ID: 'operator@pve!k8s',
      PVE_TOKEN_SECRET: 'of-the-process',
    };
    expect(settings({}, { secret: {}, process }).credentials).toMatchObject({ secret: 'of-the-process' });
    expect(settings({ endpoints: [ENDPOINT] }, { secret: {}, process }).origin).toBe(ENDPOINT);
    const elsewhere = { endpoints: ['https://evil.example.com'] };
    expect(refusal(elsewhere, { secret: {}, process })).toMatch(/^CredentialsMissing/);
    expect(refusal({ endpoint: ENDPOINT, ...elsewhere }, { secret: {}, process })).toMatch(
      /^CredentialsMissing/,
    );
  });
});

describe('a warning about the connection', () => {
  const warnings = (spec: Partial<ProviderSpec>) =>
    unverified(settings({ endpoint: ENDPOINT, ...spec })).map(
      ({ reason, message }) => `${reason}: ${message}`,
    );

  test('is given where certificates are not checked', () => {
    expect(warnings({ insecureSkipVerify: true })).toEqual([
      expect.stringMatching(/^TLSNotVerified: .*not checked.*spec.tls.fingerprints/),
    ]);
  });

  test('is given where nothing is encrypted', () => {
    expect(warnings({ endpoints: ['http://pve-2.example.com:8006'] })).toEqual([
      expect.stringMatching(/^TLSNotVerified: http:\/\/pve-2.example.com:8006 is not encrypted/),
    ]);
  });

  test('is not given where an authority or a fingerprint vouches for the server', () => {
    expect(warnings({ tls: { caBundle: PEM } })).toEqual([]);
    expect(warnings({ tls: { fingerprints: [ONE] }, insecureSkipVerify: true })).toEqual([]);
  });
});
