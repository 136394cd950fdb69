/** How messages name an object. Pure. */

interface Named {
  readonly namespace: string;
  readonly name: string;
}

/**
 * For those who may read the objects of one namespace: which objects others have is not for them to know.
 * @param reader the namespace of the object that the message is on
 */
export const namedFor = (reader: string, kind: string, { namespace, name }: Named): string =>
  namespace === reader ? `${kind} ${namespace}/${name}` : `a ${kind} of another namespace`;
