/** Looks up keys as Python and cloud-init do: the last of equal keys counts, and merge keys give what a map lacks. */
import { isAlias, isMap, isScalar, isSeq, type Document, type Pair, type YAMLMap } from 'yaml';

/**
 * `hyphens`: a hyphen in a key is the same as an underscore. cloud-init reads the settings of each of `users` like this
 * (ug_util.py, _normalize_users), and nothing else.
 */
export type Spelling = 'exact' | 'hyphens';

const MERGE = '<<';

/** The last pair with this key, which is the one that counts. Merge keys are not followed. */
export function lastPair(map: YAMLMap, name: string, spelling: Spelling = 'exact'): Pair | undefined {
  const nameOf = (key: unknown): string | undefined => {
    if (!isScalar(key) || typeof key.value !== 'string') return undefined;
    return spelling === 'hyphens' ? key.value.replaceAll('-', '_').trim() : key.value;
  };
  return map.items.findLast(({ key }) => nameOf(key) === name);
}

interface Reading {
  readonly document: Document;
  readonly spelling?: Spelling;
}

/** The value of a key, from the map itself or by a merge key. */
export function valueOf(map: YAMLMap, name: string, { document, spelling }: Reading): unknown {
  const own = lastPair(map, name, spelling);
  if (own) return own.value;
  const merged = mergedMaps(map, document).map((each) => lastPair(each, name, spelling));
  return merged.find((pair) => pair !== undefined)?.value;
}

/** Of several maps that are merged, an earlier one takes precedence. */
function mergedMaps(map: YAMLMap, document: Document): readonly YAMLMap[] {
  const resolved = (node: unknown): unknown => (isAlias(node) ? node.resolve(document) : node);
  const source = resolved(lastPair(map, MERGE)?.value);
  return (isSeq(source) ? source.items.map(resolved) : [source]).filter((each) => isMap(each));
}
