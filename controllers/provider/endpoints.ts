/** Where the credentials of a Provider are sent. Whoever brings them decides it. Pure. */
import { normaliseEndpoint } from '../../src/pve/index.ts';
import { closestOf } from '../../src/lib/closest.ts';
import type { ProviderSpec } from '../../src/api/index.ts';
import { halfIn, lookupIn, ownLayers, read, type Layers, type Owner } from './credentials.ts';
import { refuse, type Refused } from './settings-refusal.ts';

export interface Origins {
  readonly ok: true;
  /** Whose credentials are sent there. */
  readonly owner: Owner;
  /** Each once, the first one first. */
  readonly origins: readonly [string, ...string[]];
  /** Whether all of them are the endpoint of the operator's environment. */
  readonly atOperators: boolean;
}

/** @param owner whose credentials are used; absent: there are none */
export function originsOf(spec: ProviderSpec, layers: Layers, owner: Owner | undefined): Origins | Refused {
  const asked = spec.endpoint ?? lookupIn(ownLayers(layers))('PVE_ENDPOINT');
  const named = namedBy(owner, layers);
  const origins = normalised(asked ?? named, spec.endpoints ?? []);
  if ('ok' in origins) return origins;
  const allAre = (endpoint: string | undefined): boolean =>
    endpoint !== undefined && origins.every((origin) => origin === originOf(endpoint));
  const atOperators = allAre(read(layers.process, 'PVE_ENDPOINT'));
  if (!owner || (owner.who === 'process' && !atOperators)) return withoutCredentials(layers, atOperators);
  if (owner.who === 'foreignSecret' && !allAre(named)) return notNamedBy(owner.secret, layers);
  return { ok: true, owner, origins, atOperators };
}

/** The endpoint that somebody else names, whose credentials are used. */
const namedBy = (owner: Owner | undefined, { secret, process }: Layers): string | undefined =>
  (owner?.who === 'foreignSecret' ? read(secret, 'PVE_ENDPOINT') : undefined) ??
  read(process, 'PVE_ENDPOINT');

const originOf = (endpoint: string): string | undefined => {
  const parsed = normaliseEndpoint(endpoint);
  return parsed.ok ? parsed.origin : undefined;
};

function normalised(
  endpoint: string | undefined,
  others: readonly string[],
): readonly [string, ...string[]] | Refused {
  if (endpoint === undefined)
    return refuse(
      'EndpointMissing',
      'endpoint is required: set spec.endpoint, for example https://pve.example.com:8006.',
    );
  const first = normaliseEndpoint(endpoint);
  if (!first.ok) return refuse('EndpointInvalid', first.problem);
  const further = new Set<string>();
  for (const text of others) {
    const parsed = normaliseEndpoint(text);
    if (!parsed.ok) return refuse('EndpointInvalid', `spec.endpoints: ${parsed.problem}`);
    if (parsed.origin !== first.origin) further.add(parsed.origin);
  }
  return [first.origin, ...further];
}

function withoutCredentials(layers: Layers, mayUseProcess: boolean): Refused {
  const { env, secret, process } = layers;
  const inSecret = halfIn(secret, 'the Secret');
  const half =
    halfIn(env, 'spec.runtime.env') ??
    (inSecret === undefined ? undefined : `${inSecret}${keysOf(layers)}`) ??
    (mayUseProcess ? halfIn(process, 'the environment of the operator') : undefined);
  return half === undefined
    ? refuse(
        'CredentialsMissing',
        `No credentials found: set spec.credentialSecretRef to a Secret that has token_id and token_secret, or username and password.${keysOf(layers)}`,
      )
    : refuse('CredentialsIncomplete', half);
}

/** The keys that the Secret has instead, for the namespace of the Secret only. */
function keysOf({ secret, foreignSecret }: Layers): string {
  const keys = foreignSecret === undefined ? closestOf('token_secret', Object.keys(secret)) : '';
  return keys === '' ? '' : ` The keys of the Secret are ${keys}.`;
}

const notNamedBy = (secret: string, layers: Layers): Refused =>
  refuse(
    'EndpointNotAllowed',
    read(layers.secret, 'PVE_ENDPOINT') === undefined
      ? `The credentials of Secret ${secret} belong to another namespace, and that Secret has no PVE_ENDPOINT, so it does not say that they may be sent to the endpoints of this Provider. Ask its owner to add PVE_ENDPOINT, or use a Secret in the namespace of the Provider.`
      : `The credentials of Secret ${secret} belong to another namespace and are only sent to the PVE_ENDPOINT in that Secret; this Provider has another endpoint. Remove spec.endpoint, spec.endpoints and PVE_ENDPOINT of spec.runtime.env, or use a Secret in the namespace of the Provider.`,
  );
