/** Follows a reference from one object to another; into another namespace only where the target allows it. */
import { ALLOW_FROM, type Reason } from '../../../src/api/index.ts';
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
  { namespace: from, allowed = '' }: { readonly namespace: string; readonly allowed?: string | undefined },
): Extract<Followed<never>, { ok: false }> => ({
  ok: false,
  reason: Reasons.notAllowed,
  message:
    `${kind} ${namespace}/${name} does not exist, or may not be used from namespace ${from}. ` +
    `Correct the reference, or ask the owner of the ${kind} to ${allowed}annotate it with ${ALLOW_FROM}: ${from}`,
});

/**
 * @param from the namespace of the object that refers, and the kind of the target: "VMClass"
 */
export function follow<O extends Resource>(
  reader: ObjectReader<O>,
  reference: Reference,
  from: {
    readonly namespace: string;
    readonly kind: string;
    readonly notFound: Reason;
    /** Absent: the annotation decides. */
    readonly allows?: (object: Readable<O>) => boolean;
    /** How its owner allows it otherwise than with the annotation: what stands before "annotate it". */
    readonly allowed?: string;
  },
): Followed<O> {
  const namespace = reference.namespace ?? from.namespace;
  if (reader.covers?.(namespace) === false) return notWatched(from.kind, { name: reference.name, namespace });
  const object = reader.get(namespace, reference.name);
  const target = reader.partial(namespace, reference.name);
  const isAllowed = target && (from.allows?.(target) ?? mayUse(from.namespace, target));
  if (namespace !== from.namespace && !isAllowed)
    return notAllowed(from.kind, { name: reference.name, namespace }, from);
  if (!target) {
    const fact = `${from.kind} ${namespace}/${reference.name} not found.`;
    const message = `${fact} Create it, or correct the reference; reconciliation resumes by itself.`;
    return { ok: false, reason: from.notFound, message, fact };
  }
  if (!object)
    return {
      ok: false,
      reason: from.notFound,
      message: `${from.kind} ${namespace}/${reference.name} cannot be read; its condition Ready says why. Reconciliation resumes once it can be read.`,
    };
  return { ok: true, object };
}
