/**
 * Objects without what may be secret. Pure.
 *
 * What is kept is listed: names, sizes, enumerations. Every other text of a spec is removed, so a field that is added
 * to a kind is removed until somebody lists it. What was removed is also removed from the messages of conditions and
 * events, which may quote it.
 */
import { z } from 'zod';
import { ANNOTATIONS } from '../../api/annotations.ts';
import { part, Stored } from '../cluster/objects.ts';

export const REMOVED = '<removed>';

/** Fields whose content is the user's own text, whatever is in it. */
const WHOLLY_REMOVED = new Set([
  'userData',
  'metaData',
  'networkData',
  'exec',
  'httpGet',
  'env',
  'tls',
  'headers',
  'description',
  'confirmMark',
  'args',
]);

/** Of texts in a spec. Names of objects, of what is in Proxmox VE, and values that a schema enumerates. */
const KEPT = new Set([
  ...['name', 'namespace', 'key', 'type', 'host', 'pool', 'storage', 'isoStorage', 'class', 'storageClass'],
  ...['bridge', 'mac', 'macAddress', 'model', 'device', 'mapping', 'bus', 'cache', 'aio', 'size', 'memory'],
  ...['minMemory', 'maxMemory', 'cpuType', 'firmware', 'machine', 'bios', 'osType', 'scsiController'],
  ...[
    'powerState',
    'rebootPolicy',
    'driftPolicy',
    'managementPolicy',
    'deletionPolicy',
    'onChange',
    'format',
  ],
  ...[
    'gracefulShutdownTimeout',
    'failureDeadline',
    'requestedAt',
    'schedule',
    'timeZone',
    'period',
    'timeout',
  ],
  ...['initialDelay', 'upDelay', 'downDelay', 'duration', 'start', 'guestName', 'source', 'mode'],
]);

/** Lists whose items are texts that are kept. */
const KEPT_LISTS = new Set(['nodeSelector', 'boot', 'storages', 'nodes', 'tags']);

const Members = z.record(z.string(), z.unknown());
const Items = z.array(z.unknown());

interface Removal {
  readonly value: unknown;
  readonly texts: readonly string[];
}

export interface Redacted {
  readonly object: Record<string, unknown>;
  /** What was removed. It must not be stored. */
  readonly texts: readonly string[];
}

const OUR_ANNOTATIONS = new Set(ANNOTATIONS.map(({ name }) => name));

/** An object without managedFields, the annotations of others, and texts of its spec. */
export function redact(object: Stored): Redacted {
  const { metadata, spec = {}, status, apiVersion, kind } = object;
  const annotations = Object.entries(metadata.annotations ?? {}).map(
    ([name, value]) => [name, OUR_ANNOTATIONS.has(name) ? value : REMOVED] as const,
  );
  const foreign = Object.entries(metadata.annotations ?? {}).flatMap(([name, value]) =>
    OUR_ANNOTATIONS.has(name) ? [] : textsOfAnnotation(value),
  );
  const kept = redacted('', spec);
  const { name, namespace, uid, generation, creationTimestamp, deletionTimestamp, labels, finalizers } =
    metadata;
  return {
    object: {
      apiVersion,
      kind,
      metadata: {
        ...{ name, namespace, uid, generation, creationTimestamp, deletionTimestamp, finalizers },
        labels: Object.keys(labels ?? {}),
        annotations: Object.fromEntries(annotations),
      },
      spec: kept.value,
      status: status && withoutValues(status),
    },
    texts: [...foreign, ...kept.texts],
  };
}

const PendingChanges = z.array(z.object({ key: z.string() }));

/** Values of pending changes are those of Proxmox VE, where somebody else may have written one. */
const withoutValues = (status: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> => {
  const pendingChanges = part(PendingChanges, status['pendingChanges']);
  return pendingChanges === undefined ? status : { ...status, pendingChanges };
};

function redacted(key: string, value: unknown): Removal {
  if (WHOLLY_REMOVED.has(key)) return { value: REMOVED, texts: textsIn(value) };
  const items = part(Items, value);
  if (items) return joined(items.map((item) => ofItem(key, item)));
  const members = part(Members, value);
  if (members) return ofMembers(members);
  if (typeof value !== 'string' || KEPT.has(key)) return { value, texts: [] };
  return { value: REMOVED, texts: [value] };
}

function ofItem(key: string, item: unknown): Removal {
  if (typeof item !== 'string') return redacted(key, item);
  return KEPT_LISTS.has(key) ? { value: item, texts: [] } : { value: REMOVED, texts: [item] };
}

function ofMembers(members: Readonly<Record<string, unknown>>): Removal {
  const each = Object.entries(members).map(([name, member]) => [name, redacted(name, member)] as const);
  return {
    value: Object.fromEntries(each.map(([name, { value }]) => [name, value])),
    texts: each.flatMap(([, { texts }]) => texts),
  };
}

const joined = (each: readonly Removal[]): Removal => ({
  value: each.map(({ value }) => value),
  texts: each.flatMap(({ texts }) => texts),
});

/** Of an object that is stored as JSON, as by kubectl apply, what would be removed from the object itself. */
function textsOfAnnotation(text: string): readonly string[] {
  const value = jsonOf(text);
  const object = part(Stored, value);
  if (object) return redact(object).texts;
  return value === undefined ? [text] : textsIn(value);
}

/** Every text in a value. */
function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  const items = part(Items, value);
  if (items) return items.flatMap(textsIn);
  return Object.values(part(Members, value) ?? {}).flatMap(textsIn);
}

function jsonOf(text: string): unknown {
  if (!/^\s*[{[]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
