/** SSH public keys: validation, and adding keys to the user's cloud-config. */
import { isAlias, isMap, isScalar, isSeq, YAMLMap, YAMLSeq, type Document } from 'yaml';
import type { Result } from '../lib/result.ts';
import { firstUserWithoutDefault } from './users.ts';
import { lastPair, valueOf, type Spelling } from './yaml-map.ts';
import { isEmpty, quoted } from './yaml.ts';

const KEYS = 'ssh_authorized_keys';

/** Removes blank lines, comments and duplicates. */
export const cleanKeys = (keys: readonly string[]): readonly string[] => [
  ...new Set(keys.map((key) => key.trim()).filter((key) => key !== '' && !key.startsWith('#'))),
];

/** Of a guest. */
export const MAX_SSH_KEYS = 1000;

/** Why there are too many keys; `undefined` if there are not. */
export const keysProblem = (keys: readonly string[]): string | undefined =>
  keys.length <= MAX_SSH_KEYS
    ? undefined
    : `There are more than ${MAX_SSH_KEYS} SSH keys. A guest can get at most so many: remove keys from the Secret.`;

/**
 * Whether the line is a public key without options. PVE checks each key with ssh-keygen and rejects the whole
 * configuration if one is invalid, whereas cloud-init ignores such a line.
 */
export function isPlainPublicKey(line: string): boolean {
  const [, type, blob] = /^([a-z0-9@.-]+) ([A-Za-z0-9+/]+={0,2})( .*)?$/.exec(line) ?? [];
  if (type === undefined || blob === undefined) return false;
  const bytes = Buffer.from(blob, 'base64');
  const fields: string[] = [];
  let at = 0;
  while (at + 4 <= bytes.length) {
    const end = at + 4 + bytes.readUInt32BE(at);
    fields.push(bytes.toString('latin1', at + 4, end));
    at = end;
  }
  return at === bytes.length && fields.length > 1 && fields[0] === type;
}

/**
 * Adds keys to a cloud-config, for the default user. If the document lists users without `default`, adds them to the
 * first of these users too, because nobody could log in with the keys otherwise.
 *
 * @param document - is modified
 * @returns whether keys were added
 */
export function addKeys(document: Document, keys: readonly string[]): Result<boolean> {
  const { contents } = document;
  if (isEmpty(contents)) {
    const map = new YAMLMap();
    // The header is a comment, and may be attached to the `~` that is replaced.
    if (isScalar(contents)) map.commentBefore = contents.commentBefore ?? null;
    document.contents = map;
    return addTo(map, keys, { document, spelling: 'exact' });
  }
  if (!isMap(contents)) return { value: true };
  const top = addTo(contents, keys, { document, spelling: 'exact' });
  const user = firstUserWithoutDefault(contents, document);
  if ('problem' in top || !user) return top;
  const own = addTo(user, keys, { document, spelling: 'hyphens' });
  return 'problem' in own ? own : { value: top.value || own.value };
}

interface Place {
  readonly document: Document;
  readonly spelling: Spelling;
}

function addTo(map: YAMLMap, keys: readonly string[], { document, spelling }: Place): Result<boolean> {
  const pair = lastPair(map, KEYS, spelling);
  const node = valueOf(map, KEYS, { document, spelling });
  const list = isAlias(node) ? node.resolve(document) : node;
  const replace = (all: readonly string[]): void => {
    if (pair) pair.value = listOf(all);
    else map.set(KEYS, listOf(all));
  };
  if (isEmpty(list)) {
    replace(keys);
    return { value: true };
  }
  if (!isSeq(list))
    return {
      problem: `${KEYS} in the user-data is not a list, so that the keys of the Secret cannot be added. Change it to a list.`,
    };
  const known = new Set(list.items.map((item) => (isScalar(item) ? String(item.value).trim() : undefined)));
  const missing = keys.filter((key) => !known.has(key));
  if (missing.length === 0) return { value: false };
  if (list === pair?.value) for (const key of missing) list.add(quoted(key));
  // Other aliases and merge keys may refer to the same list, so the map gets one of its own.
  else replace([...known, ...missing].filter((key) => key !== undefined));
  return { value: true };
}

function listOf(keys: readonly string[]): YAMLSeq {
  const list = new YAMLSeq();
  for (const key of keys) list.add(quoted(key));
  return list;
}
