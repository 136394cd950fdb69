/** Reads the layers that a Provider's settings come from, and finds the credentials in them. Pure. */
import type { Credentials } from '../../src/pve/index.ts';

/** Plain names and values: `runtime.env` resolved, the Secret's data decoded, or the PVE_* variables of the process. */
export type Layer = Readonly<Record<string, string>>;

export interface Layers {
  /** `spec.runtime.env` of the Provider. */
  readonly env: Layer;
  readonly secret: Layer;
  /** `namespace/name` of the Secret if it is in another namespace than the Provider. */
  readonly foreignSecret?: string | undefined;
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
export const read = (layer: Layer, name: string): string | undefined => {
  const value = (layer[name] ?? layer[SECRET_KEYS[name] ?? ''])?.trim();
  return value === '' ? undefined : value;
};

/** A set of credentials comes whole from one layer: halves of two sets do not fit together. */
export function credentialsIn(layer: Layer): Credentials | undefined {
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
export function halfIn(layer: Layer, where: string): string | undefined {
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

/** Whose the credentials are: who may change them decides where they are sent and which servers are trusted with them. */
export type Owner =
  | { readonly who: 'provider' | 'process'; readonly credentials: Credentials }
  | { readonly who: 'foreignSecret'; readonly secret: string; readonly credentials: Credentials };

/** The first complete set, in the order of precedence. All that a Provider's own namespace holds has one owner. */
export function ownerOf({ env, secret, foreignSecret, process }: Layers): Owner | undefined {
  const inEnv = credentialsIn(env);
  if (inEnv) return { who: 'provider', credentials: inEnv };
  const inSecret = credentialsIn(secret);
  if (inSecret)
    return foreignSecret === undefined
      ? { who: 'provider', credentials: inSecret }
      : { who: 'foreignSecret', secret: foreignSecret, credentials: inSecret };
  const inProcess = credentialsIn(process);
  return inProcess && { who: 'process', credentials: inProcess };
}

/** The layers that belong to the Provider's own namespace, in the order of precedence. */
export const ownLayers = ({ env, secret, foreignSecret }: Layers): readonly Layer[] =>
  foreignSecret === undefined ? [env, secret] : [env];

/** The first value of a variable. */
export type Lookup = (name: string) => string | undefined;

export const lookupIn =
  (layers: readonly Layer[]): Lookup =>
  (name) =>
    layers.map((layer) => read(layer, name)).find((value) => value !== undefined);

export const splitNames = (text: string | undefined): string[] =>
  (text ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
