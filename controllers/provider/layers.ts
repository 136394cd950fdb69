/** Reads what a Provider's settings come from: its own variables, its Secret, the process. */
import type { Provider, Reason } from '../../src/api/index.ts';
import { allowsFrom, notAllowed, notWatched } from '../shared/objects/references.ts';
import { Reasons } from '../shared/errors/reasons.ts';
import { closestOf } from '../../src/lib/closest.ts';
import type { Layer, Layers } from './credentials.ts';

export interface NamedEntries {
  readonly annotations: Readonly<Record<string, string>>;
  /** Present once it is being deleted, though a finalizer still keeps it. */
  readonly deletionTimestamp?: string | undefined;
  readonly values: Readonly<Record<string, string>>;
}

export interface LayerPorts {
  readonly readSecret: (namespace: string, name: string) => Promise<NamedEntries | undefined>;
  readonly readConfigMap: (namespace: string, name: string) => Promise<NamedEntries | undefined>;
  /** Whether the operator acts in this namespace; absent: in every one. */
  readonly watches?: (namespace: string) => boolean;
  /** The PVE_* variables of this process. */
  readonly process: Layer;
  /** Whether Providers of this namespace may use them; absent: those of every one. */
  readonly mayUseProcess?: (namespace: string) => boolean;
}

export type GatheredLayers =
  | { readonly ok: true; readonly layers: Layers }
  | { readonly ok: false; readonly reason: Reason; readonly message: string };

type Missing = Extract<GatheredLayers, { ok: false }>;

export async function gatherLayers(provider: Provider, ports: LayerPorts): Promise<GatheredLayers> {
  const secret = await secretLayer(provider, ports);
  if (!secret.ok) return secret;
  const env = await envLayer(provider, ports);
  if (!env.ok) return env;
  const foreignSecret = foreignSecretOf(provider);
  return {
    ok: true,
    layers: {
      env: env.layer,
      secret: secret.layer,
      process: ports.mayUseProcess?.(provider.metadata.namespace) === false ? {} : ports.process,
      ...(foreignSecret !== undefined && { foreignSecret }),
    },
  };
}

function foreignSecretOf({ spec, metadata }: Provider): string | undefined {
  const { name, namespace = metadata.namespace } = spec.credentialSecretRef ?? {};
  return name === undefined || namespace === metadata.namespace ? undefined : `${namespace}/${name}`;
}

/** Whoever deletes credentials withdraws them, whatever finalizers they have. */
const isBeingDeleted = ({ deletionTimestamp }: NamedEntries): boolean => deletionTimestamp !== undefined;

type LayerResult = { readonly ok: true; readonly layer: Layer } | Missing;

const missing = (reason: Reason, message: string): Missing => ({ ok: false, reason, message });

async function secretLayer(
  { spec, metadata }: Provider,
  { readSecret, watches }: LayerPorts,
): Promise<LayerResult> {
  const ref = spec.credentialSecretRef;
  if (!ref) return { ok: true, layer: {} };
  const namespace = ref.namespace ?? metadata.namespace;
  if (watches?.(namespace) === false) return notWatched('Secret', { name: ref.name, namespace });
  const found = await readSecret(namespace, ref.name);
  const secret = found && !isBeingDeleted(found) ? found : undefined;
  if (namespace !== metadata.namespace)
    return secret && allowsFrom(secret.annotations, metadata.namespace)
      ? { ok: true, layer: secret.values }
      : notAllowed('Secret', { name: ref.name, namespace }, metadata);
  return secret
    ? { ok: true, layer: secret.values }
    : missing(
        Reasons.secretNotFound,
        `Secret ${namespace}/${ref.name} ${found ? 'is being deleted' : 'not found'}. Create it, or correct spec.credentialSecretRef; reconciliation resumes by itself.`,
      );
}

type Variable = NonNullable<NonNullable<Provider['spec']['runtime']>['env']>[number];

async function envLayer({ spec, metadata }: Provider, ports: LayerPorts): Promise<LayerResult> {
  const layer: Record<string, string> = {};
  for (const variable of spec.runtime?.env ?? []) {
    const value = await valueOf(variable, metadata.namespace, ports);
    if (typeof value === 'object') return value;
    layer[variable.name] = value;
  }
  return { ok: true, layer };
}

async function valueOf(
  { name, value, valueFrom }: Variable,
  namespace: string,
  ports: LayerPorts,
): Promise<string | Missing> {
  if (value !== undefined) return value;
  const { secretKeyRef, configMapKeyRef } = valueFrom ?? {};
  const ref = secretKeyRef ?? configMapKeyRef;
  if (!ref) return '';
  const at: EntryAt = { kind: secretKeyRef ? 'Secret' : 'ConfigMap', namespace, ...ref };
  const read = secretKeyRef ? ports.readSecret : ports.readConfigMap;
  const entries = await read(namespace, ref.name);
  if (entries && isBeingDeleted(entries)) return missingEntry(name, at, 'is being deleted');
  if (!entries) return missingEntry(name, at, 'does not exist');
  return entries.values[ref.key] ?? missingEntry(name, at, Object.keys(entries.values));
}

interface EntryAt {
  readonly kind: 'Secret' | 'ConfigMap';
  readonly namespace: string;
  readonly name: string;
  readonly key: string;
}

/** @param why what is the case; or the keys that there are, without theirs */
function missingEntry(
  variable: string,
  { kind, namespace, name, key }: EntryAt,
  why: 'is being deleted' | 'does not exist' | readonly string[],
): Missing {
  const what = `spec.runtime.env ${variable} refers to the key "${key}" of ${kind} ${namespace}/${name}`;
  return typeof why === 'string'
    ? missing(Reasons.secretNotFound, `${what}, which ${why}. Reconciliation resumes once it exists.`)
    : missing(
        Reasons.secretKeyNotFound,
        `${what}, which has ${why.length === 0 ? 'no keys' : `only the keys ${closestOf(key, why)}`}. Add it, or correct the reference; reconciliation resumes by itself.`,
      );
}
