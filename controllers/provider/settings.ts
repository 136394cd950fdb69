/** Resolves the settings of a connection from a Provider, its Secret and the environment. Pure. */
import type { Credentials, TransportOptions } from '../../src/pve/index.ts';
import type { ProviderSpec } from '../../src/api/index.ts';
import { lookupIn, ownerOf, splitNames, type Layers } from './credentials.ts';
import { originsOf } from './endpoints.ts';
import type { Refused } from './settings-refusal.ts';
import { trustOf } from './settings-trust.ts';

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

/**
 * Precedence: field of the Provider, `spec.runtime.env`, Secret, process. Whoever brings the credentials decides where
 * they are sent and which servers are trusted with them (ADR 23): otherwise anyone who may create a Provider could have
 * credentials of others sent to a server of theirs.
 */
export function resolveSettings(spec: ProviderSpec, layers: Layers): SettingsResult {
  const found = originsOf(spec, layers, ownerOf(layers));
  if (!found.ok) return found;
  const { origins, atOperators } = found;
  const trusted = trustOf(spec, layers, found);
  if (!trusted.ok) return trusted;
  const { ca, fingerprints, insecureSkipVerify } = trusted.trust;
  const { env, secret, process } = layers;
  const first = lookupIn(atOperators ? [env, secret, process] : [env, secret]);
  return {
    ok: true,
    settings: {
      origin: origins[0],
      otherOrigins: origins.slice(1),
      credentials: found.owner.credentials,
      ca,
      fingerprints,
      insecureSkipVerify: insecureSkipVerify === true,
      nodeSelector: spec.nodeSelector ?? splitNames(first('PVE_NODE_SELECTOR')),
    },
  };
}
