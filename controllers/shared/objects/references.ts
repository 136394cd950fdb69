/** Follows a reference from one object to another; into another namespace only where the target allows it. */
import type { ObjectReader, Resource } from '../../../src/runtime/controller.ts';
import { Reasons } from '../errors/reasons.ts';

export interface Reference {
  readonly name: string;
  readonly namespace?: string | undefined;
}

export type Followed<O> =
  | { readonly ok: true; readonly object: O }
  | { readonly ok: false; readonly reason: string; readonly message: string };

/** On the target: the namespaces whose objects may refer to it, separated by commas, or `*`. */
export const ALLOW_FROM = 'virtrigaud.io/allow-from';

export function allowsFrom(annotations: Readonly<Record<string, string>>, namespace: string): boolean {
  const allowed = (annotations[ALLOW_FROM] ?? '').split(',').map((entry) => entry.trim());
  return allowed.includes('*') || allowed.includes(namespace);
}

/** A reference that this operator cannot follow, because it watches some namespaces only. */
export const notWatched = (
  kind: string,
  { name, namespace }: { readonly name: string; readonly namespace: string },
) => ({
  ok: false as const,
  reason: Reasons.namespaceNotWatched,
  message: `The ${kind} "${name}" is in namespace "${namespace}", which this operator does not watch. Use a ${kind} of a watched namespace, or start the operator with --watch-namespace ${namespace} as well and grant it the Role there.`,
});

/**
 * @param kind as a person says it: "VMClass"
 * @param notFound the reason to report when there is no such object
 */
export function follow<O extends Resource>(
  reader: ObjectReader<O>,
  reference: Reference,
  from: { readonly namespace: string; readonly kind: string; readonly notFound: string },
): Followed<O> {
  const namespace = reference.namespace ?? from.namespace;
  if (reader.covers?.(namespace) === false) return notWatched(from.kind, { name: reference.name, namespace });
  const object = reader.get(namespace, reference.name);
  if (!object)
    return {
      ok: false,
      reason: from.notFound,
      message: `There is no ${from.kind} "${reference.name}" in namespace "${namespace}". Work goes on by itself once it is created.`,
    };
  if (namespace !== from.namespace && !allowsFrom(object.metadata.annotations, from.namespace))
    return {
      ok: false,
      reason: 'ReferenceNotAllowed',
      message:
        `The ${from.kind} "${reference.name}" in namespace "${namespace}" may not be used from namespace "${from.namespace}". ` +
        `Allow it on the ${from.kind} with the annotation ${ALLOW_FROM}: ${from.namespace}`,
    };
  return { ok: true, object };
}
