/** Follows a reference from one object to another; into another namespace only where the target allows it. */
import { ALLOW_FROM, type Reason } from '../../../src/api/index.ts';
import type { ObjectReader, Resource } from '../../../src/runtime/controller.ts';
import { Reasons } from '../errors/reasons.ts';

export interface Reference {
  readonly name: string;
  readonly namespace?: string | undefined;
}

export type Followed<O> =
  | { readonly ok: true; readonly object: O }
  | { readonly ok: false; readonly reason: Reason; readonly message: string };

export function allowsFrom(annotations: Readonly<Record<string, string>>, namespace: string): boolean {
  const allowed = (annotations[ALLOW_FROM] ?? '').split(',').map((entry) => entry.trim());
  return allowed.includes('*') || allowed.includes(namespace);
}

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
 * @param from the namespace of the object that refers, and the kind of the target: "VMClass"
 */
export function follow<O extends Resource>(
  reader: ObjectReader<O>,
  reference: Reference,
  from: { readonly namespace: string; readonly kind: string; readonly notFound: Reason },
): Followed<O> {
  const namespace = reference.namespace ?? from.namespace;
  if (reader.covers?.(namespace) === false) return notWatched(from.kind, { name: reference.name, namespace });
  const object = reader.get(namespace, reference.name);
  const target = object ?? reader.partial(namespace, reference.name);
  if (!target)
    return {
      ok: false,
      reason: from.notFound,
      message: `${from.kind} ${namespace}/${reference.name} not found. Create it, or correct the reference; reconciliation resumes by itself.`,
    };
  if (namespace !== from.namespace && !allowsFrom(target.metadata.annotations, from.namespace))
    return {
      ok: false,
      reason: 'ReferenceNotAllowed',
      message:
        `${from.kind} ${namespace}/${reference.name} may not be used from namespace ${from.namespace}. ` +
        `Allow it by annotating the ${from.kind} with ${ALLOW_FROM}: ${from.namespace}`,
    };
  if (!object)
    return {
      ok: false,
      reason: from.notFound,
      message: `${from.kind} ${namespace}/${reference.name} cannot be read; its condition Ready says why. Reconciliation resumes once it can be read.`,
    };
  return { ok: true, object };
}
