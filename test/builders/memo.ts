/**
 * The same answer for the same object, computed once. For pure functions of immutable values: a run of the
 * planner asks about each of its worlds many times.
 */
export function onceFor<K extends object, V>(of: (key: K) => V): (key: K) => V {
  const known = new WeakMap<K, { readonly value: V }>();
  return (key) => {
    const found = known.get(key) ?? { value: of(key) };
    known.set(key, found);
    return found.value;
  };
}
