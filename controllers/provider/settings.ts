/** Resolves the settings of a connection from a Provider, its Secret and the environment. Pure. */
import {
  normaliseEndpoint,
  normaliseFingerprint,
  type Credentials,
  type TransportOptions,
} from '../../src/pve/index.ts';
import type { ProviderSpec, Reason } from '../../src/api/index.ts';

export interface Settings {
  readonly origin: string;
  /** Further nodes of the same cluster. */
  readonly otherOrigins: readonly string[];
  readonly credentials: Credentials;
  /** PEM. */
  readonly ca: string | undefined;
  /** `AA:BB:…`; where there is one, it decides alone. */
  readonly fingerprints: readonly string[];
  readonly insecureSkipVerify: boolean;
  readonly nodeSelector: readonly string[];
}

type SettingsReason = Extract<
  Reason,
  | 'CABundleInvalid'
  | 'CredentialsIncomplete'
  | 'CredentialsMissing'
  | 'EndpointInvalid'
  | 'EndpointMissing'
  | 'FingerprintInvalid'
>;
type Refused = { readonly ok: false; readonly reason: SettingsReason; readonly message: string };

export type SettingsResult = { readonly ok: true; readonly settings: Settings } | Refused;

/** The settings that make a connection: Providers for which they are equal share it. */
export const connectionOf = ({
  origin,
  otherOrigins,
  credentials,
  ca,
  fingerprints,
  insecureSkipVerify,
}: Settings): Pick<TransportOptions, 'endpoint' | 'endpoints' | 'credentials' | 'tls'> => ({
  endpoint: origin,
  endpoints: otherOrigins,
  credentials,
  tls: { ca, fingerprints, insecureSkipVerify },
});

/** Plain names and values: `runtime.env` resolved, the Secret's data decoded, or the PVE_* variables of the process. */
export type Layer = Readonly<Record<string, string>>;

export interface Layers {
  /** `spec.runtime.env` of the Provider. */
  readonly env: Layer;
  readonly secret: Layer;
  readonly process: Layer;
}

/** The Secret's own keys, by the name of the variable that means the same. */
const SECRET_KEYS: Readonly<Record<string, string>> = {
  PVE_TOKEN_ID: 'token_id',
  PVE_TOKEN_SECRET: 'token_secret',
  PVE_USERNAME: 'username',
  PVE_PASSWORD: 'password',
  PVE_CA_BUNDLE: 'ca.crt',
  PVE_FINGERPRINT: 'fingerprint',
};

/** An empty value, for example of an unset Helm value, counts as absent. */
const read = (layer: Layer, name: string): string | undefined => {
  const value = (layer[name] ?? layer[SECRET_KEYS[name] ?? ''])?.trim();
  return value === '' ? undefined : value;
};

/** A set of credentials comes whole from one layer: halves of two sets do not fit together. */
function credentialsIn(layer: Layer): Credentials | undefined {
  const [id, secret] = [read(layer, 'PVE_TOKEN_ID'), read(layer, 'PVE_TOKEN_SECRET')];
  if (id !== undefined && secret !== undefined) return { kind: 'token', id, secret };
  const [username, password] = [read(layer, 'PVE_USERNAME'), read(layer, 'PVE_PASSWORD')];
  return username !== undefined && password !== undefined
    ? { kind: 'password', username, password }
    : undefined;
}

const HALVES = [
  ['PVE_TOKEN_ID', 'PVE_TOKEN_SECRET'],
  ['PVE_USERNAME', 'PVE_PASSWORD'],
] as const;

/** If a layer has one half of a set, the other one is likely misspelt: its name in that layer. */
function halfIn(layer: Layer, where: string): string | undefined {
  for (const [one, other] of HALVES)
    for (const [has, lacks] of [
      [one, other],
      [other, one],
    ] as const) {
      if (read(layer, has) === undefined || read(layer, lacks) !== undefined) continue;
      const own = layer[has] === undefined;
      const name = (variable: string): string => (own ? (SECRET_KEYS[variable] ?? variable) : variable);
      return `The credentials are incomplete: ${where} has ${name(has)}, but no ${name(lacks)}.`;
    }
  return undefined;
}

function withoutCredentials(asked: readonly Layer[], { env, secret, process }: Layers): Refused {
  const half =
    halfIn(env, 'spec.runtime.env') ??
    halfIn(secret, 'the Secret') ??
    (asked.includes(process) ? halfIn(process, 'the environment of the operator') : undefined);
  return half === undefined
    ? refuse(
        'CredentialsMissing',
        'No credentials found: set spec.credentialSecretRef to a Secret that has token_id and token_secret, or username and password.',
      )
    : refuse('CredentialsIncomplete', half);
}

const isTrue = (text: string | undefined): boolean => /^(1|true|yes|on)$/i.test(text ?? '');

const originOf = (endpoint: string | undefined): string | undefined => {
  const parsed = endpoint === undefined ? undefined : normaliseEndpoint(endpoint);
  return parsed?.ok ? parsed.origin : undefined;
};

/** The first value of a variable, in the order of precedence. */
type Lookup = (name: string) => string | undefined;

type Origins = { readonly ok: true; readonly origins: readonly [string, ...string[]] } | Refused;

/** Each endpoint once, the first one first. */
function originsOf(endpoint: string, others: readonly string[]): Origins {
  const first = normaliseEndpoint(endpoint);
  if (!first.ok) return refuse('EndpointInvalid', first.problem);
  const further = new Set<string>();
  for (const text of others) {
    const parsed = normaliseEndpoint(text);
    if (!parsed.ok) return refuse('EndpointInvalid', `spec.endpoints: ${parsed.problem}`);
    if (parsed.origin !== first.origin) further.add(parsed.origin);
  }
  return { ok: true, origins: [first.origin, ...further] };
}

type TrustResult = { readonly ok: true; readonly trust: Pick<Settings, 'ca' | 'fingerprints'> } | Refused;

/** As in the field `tls.caBundle`. */
const MAX_CA_CHARACTERS = 65_536;

/** What the servers are verified with. */
function trustOf({ tls }: ProviderSpec, first: Lookup, origins: readonly string[]): TrustResult {
  const ca = tls?.caBundle ?? first('PVE_CA_BUNDLE');
  if (ca !== undefined && !ca.includes('-----BEGIN CERTIFICATE-----'))
    return refuse(
      'CABundleInvalid',
      'The CA bundle contains no certificate: set it to PEM text that begins with -----BEGIN CERTIFICATE-----, as in /etc/pve/pve-root-ca.pem of a node.',
    );
  if (ca !== undefined && ca.length > MAX_CA_CHARACTERS)
    return refuse(
      'CABundleInvalid',
      'The CA bundle is larger than 64 KiB: leave only the CAs that signed the certificates of the servers, such as /etc/pve/pve-root-ca.pem of a node.',
    );
  const listed = tls?.fingerprints ?? splitNames(first('PVE_FINGERPRINT'));
  const fingerprints = listed.flatMap((text) => normaliseFingerprint(text) ?? []);
  if (fingerprints.length < listed.length)
    return refuse(
      'FingerprintInvalid',
      'A fingerprint is not a SHA-256 fingerprint, which has 32 bytes such as AB:CD:…. Print it with: openssl x509 -in /etc/pve/local/pve-ssl.pem -noout -fingerprint -sha256',
    );
  if (fingerprints.length > 0 && origins.some((origin) => origin.startsWith('http:')))
    return refuse(
      'EndpointInvalid',
      'Fingerprints need https endpoints: an http endpoint has no certificate to compare. Change the endpoint or remove the fingerprints.',
    );
  return { ok: true, trust: { ca, fingerprints } };
}

/**
 * Precedence: field of the Provider, `spec.runtime.env`, Secret, process. The process's own settings serve only a
 * Provider without endpoints or with the process's: otherwise anyone who may create a Provider could have our
 * credentials sent to a server of theirs.
 */
export function resolveSettings(spec: ProviderSpec, { env, secret, process }: Layers): SettingsResult {
  const endpoint =
    spec.endpoint ??
    read(env, 'PVE_ENDPOINT') ??
    read(secret, 'PVE_ENDPOINT') ??
    read(process, 'PVE_ENDPOINT');
  if (endpoint === undefined)
    return refuse(
      'EndpointMissing',
      'endpoint is required: set spec.endpoint, for example https://pve.example.com:8006.',
    );
  const found = originsOf(endpoint, spec.endpoints ?? []);
  if (!found.ok) return found;
  const { origins } = found;
  const own = originOf(read(process, 'PVE_ENDPOINT'));
  const layers = origins.every((origin) => origin === own) ? [env, secret, process] : [env, secret];
  const first: Lookup = (name) => layers.map((layer) => read(layer, name)).find((v) => v !== undefined);

  const credentials = layers.map(credentialsIn).find((held) => held !== undefined);
  if (!credentials) return withoutCredentials(layers, { env, secret, process });
  const trusted = trustOf(spec, first, origins);
  if (!trusted.ok) return trusted;
  return {
    ok: true,
    settings: {
      origin: origins[0],
      otherOrigins: origins.slice(1),
      credentials,
      ...trusted.trust,
      insecureSkipVerify: spec.insecureSkipVerify ?? isTrue(first('PVE_INSECURE_SKIP_VERIFY')),
      nodeSelector: spec.nodeSelector ?? splitNames(first('PVE_NODE_SELECTOR')),
    },
  };
}

const splitNames = (text: string | undefined): string[] =>
  (text ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');

const refuse = (reason: SettingsReason, message: string): Refused => ({ ok: false, reason, message });
