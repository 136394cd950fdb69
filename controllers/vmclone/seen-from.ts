/** References from one namespace into another. Pure. */

interface Ref {
  readonly name: string;
  readonly namespace?: string | undefined;
}

/** The same object, as an object in this namespace refers to it. @param home what a reference without a namespace means */
export function seenFrom(
  namespace: string,
  { name, namespace: given }: Ref,
  home: string,
): { readonly name: string; readonly namespace?: string } {
  const at = given ?? home;
  return at === namespace ? { name } : { name, namespace: at };
}
