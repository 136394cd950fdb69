/** Follows a reference from one object to another; into another namespace only where the target allows it. */
import { ALLOW_FROM, type Reason } from '../../../src/api/index.ts';
import { closestOf } from '../../../src/lib/closest.ts';
import type { ObjectReader, Readable, Resource } from '../../../src/runtime/controller.ts';
import { Reasons } from '../errors/reasons.ts';

export interface Reference {
  readonly name: string;
  readonly namespace?: string | undefined;
}

export type Followed<O> =
  | { readonly ok: true; readonly object: O }
  | {
      readonly ok: false;
      readonly reason: Reason;
      readonly message: string;
      /** The message without what to do, where something is missing. */
      readonly fact?: string;
    };

/** By the annotations of an object. Every object that names it asks, and a list may have 256 KiB. */
const ALLOWED = new WeakMap<Readonly<Record<string, string>>, ReadonlySet<string>>();

function allowedIn(annotations: Readonly<Record<string, string>>): ReadonlySet<string> {
  const known = ALLOWED.get(annotations);
  if (known) return known;
  const allowed = new Set((annotations[ALLOW_FROM] ?? '').split(',').map((entry) => entry.trim()));
  ALLOWED.set(annotations, allowed);
  return allowed;
}

export function allowsFrom(annotations: Readonly<Record<string, string>>, namespace: string): boolean {
  const allowed = allowedIn(annotations);
  return allowed.has('*') || allowed.has(namespace);
}

/**
 * Whether objects in this namespace may refer to the object. Everything that depends on it asks here: who may use an
 * object, and who can keep it from being deleted.
 */
export const mayUse = (namespace: string, { metadata }: Pick<Resource, 'metadata'>): boolean =>
  metadata.namespace === namespace || allowsFrom(metadata.annotations, namespace);

/** A reference that this operator cannot follow, because it watches some namespaces only. */
export const notWatched = (
  kind: string,
  { name, namespace }: { readonly name: string; readonly namespace: string },
): Extract<Followed<never>, { ok: false }> => ({
  ok: false,
  reason: Reasons.namespaceNotWatched,
  message: `The ${kind} "${name}" is in namespace "${namespace}", which this operator does not watch. Use a ${kind} of a watched namespace, or start the operator with --watch-namespace ${namespace} as well and grant it the Role there.`,
});

/**
 * A reference into another namespace that does not allow it. Whether the object exists is nothing that those who may
 * not use it need to know, so one that does not exist reads the same.
 */
export const notAllowed = (
  kind: string,
  { name, namespace }: { readonly name: string; readonly namespace: string },
  {
    namespace: from,
    allowed = '',
    usable = '',
  }: {
    readonly namespace: string;
    readonly allowed?: string | undefined;
    /** Names of those that may be used. */
    readonly usable?: string;
  },
): Extract<Followed<never>, { ok: false }> => ({
  ok: false,
  reason: Reasons.notAllowed,
  message:
    `${kind} ${namespace}/${name} does not exist, or may not be used from namespace ${from}${usable === '' ? '' : `, which may use ${usable} there`}. ` +
    `Correct the reference, or ask the owner of the ${kind} to ${allowed}annotate it with ${ALLOW_FROM}: ${from}`,
});

interface From<O extends Resource> {
  readonly namespace: string;
  /** Of the target: "VMClass". */
  readonly kind: string;
  /** The reference: "spec.classRef". */
  readonly field: string;
  readonly notFound: Reason;
  /** Absent: the annotation decides. */
  readonly allows?: (object: Readable<O>) => boolean;
  /** How its owner allows it otherwise than with the annotation: what stands before "annotate it". */
  readonly allowed?: string;
}

/** @param from the object that refers */
export function follow<O extends Resource>(
  reader: ObjectReader<O>,
  reference: Reference,
  from: From<O>,
): Followed<O> {
  const target = { name: reference.name, namespace: reference.namespace ?? from.namespace };
  if (reader.covers?.(target.namespace) === false) return notWatched(from.kind, target);
  const object = reader.get(target.namespace, target.name);
  const partial = reader.partial(target.namespace, target.name);
  if (!isAllowed(partial, target, from))
    return notAllowed(from.kind, target, { ...from, usable: usableIn(reader, target, from) });
  if (!partial) return notFound(target, from, usableIn(reader, target, from));
  if (!object)
    return {
      ok: false,
      reason: from.notFound,
      message: `${from.kind} ${target.namespace}/${target.name} cannot be read; its condition Ready says why. Reconciliation resumes once it can be read.`,
    };
  return { ok: true, object };
}

type Target = { readonly name: string; readonly namespace: string };

/** In its own namespace everything is. */
const isAllowed = <O extends Resource>(
  object: Readable<O> | undefined,
  { namespace }: Target,
  from: From<O>,
): boolean =>
  namespace === from.namespace ||
  (object !== undefined && (from.allows?.(object) ?? mayUse(from.namespace, object)));

/** Names of objects in the namespace of the target; none that those who ask may not use. */
const usableIn = <O extends Resource>(reader: ObjectReader<O>, target: Target, from: From<O>): string =>
  closestOf(
    target.name,
    reader
      .list()
      .filter(({ metadata }) => metadata.namespace === target.namespace)
      .filter((object) => isAllowed(object, target, from))
      .map(({ metadata }) => metadata.name),
  );

function notFound<O extends Resource>(
  { name, namespace }: Target,
  { kind, field, notFound: reason }: From<O>,
  names: string,
): Extract<Followed<O>, { ok: false }> {
  const fact = `${kind} ${namespace}/${name} not found; namespace ${namespace} has ${names === '' ? `no ${kind}` : names}.`;
  return {
    ok: false,
    reason,
    message: `${fact} Create it, or correct ${field}; reconciliation resumes by itself.`,
    fact,
  };
}
