/** Finds objects by something other than their name, such as VMs by the class they use, without walking through all. */
import type { Readable, Resource } from '../runtime/controller.ts';
import type { ChangeSource, Entry } from '../runtime/object-store.ts';

export interface Index<O extends Resource> {
  /** Objects under this value, also those with a problem as far as they can be read. */
  objects(value: string): readonly Readable<O>[];
  /** Keys (`namespace/name`) of the same. @param most this many of them; absent: all */
  keys(value: string, most?: number): readonly string[];
}

/** Made before the watch starts, it is always as new as the cache. */
export function indexBy<O extends Resource>(
  source: ChangeSource<O>,
  valuesOf: (object: Readable<O>) => readonly string[],
): Index<O> {
  const entries = new Map<string, Map<string, Readable<O>>>();

  function forget({ key, partial }: Entry<O>): void {
    for (const value of valuesOf(partial)) {
      const under = entries.get(value);
      under?.delete(key);
      if (under?.size === 0) entries.delete(value);
    }
  }

  function remember({ key, partial }: Entry<O>): void {
    for (const value of valuesOf(partial)) {
      const under = entries.get(value) ?? new Map<string, Readable<O>>();
      entries.set(value, under.set(key, partial));
    }
  }

  source.onChange((_key, before, after) => {
    if (before) forget(before);
    if (after) remember(after);
  });

  return {
    objects: (value) => [...(entries.get(value)?.values() ?? [])],
    keys: (value, most = Infinity) => [...(entries.get(value)?.keys().take(most) ?? [])],
  };
}
