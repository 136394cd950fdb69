/** The users in a cloud-config: a list, or a mapping from names to settings. */
import { isMap, isScalar, isSeq, type Document, type YAMLMap } from 'yaml';
import { valueOf } from './yaml-map.ts';
import { isEmpty } from './yaml.ts';

const DEFAULT = 'default';

/** The settings of the first user of a list that has no default user; that of a bare name has none. */
export function firstUserWithoutDefault(config: YAMLMap, document: Document): YAMLMap | undefined {
  // `user` creates a default user with any list.
  if (!isEmpty(valueOf(config, 'user', { document }))) return undefined;
  const users = valueOf(config, 'users', { document });
  if (isMap(users)) {
    if (users.has(DEFAULT)) return undefined;
    return users.items.map(({ value }) => value).find((settings) => isMap(settings));
  }
  if (!isSeq(users) || users.items.some((item) => isDefault(item, document))) return undefined;
  return users.items.find((item) => isMap(item));
}

/** A text may name several users, and settings without a name are those of the default user. */
function isDefault(item: unknown, document: Document): boolean {
  if (isScalar(item)) return namesIn(item.value).includes(DEFAULT);
  if (isSeq(item)) return item.items.some((each) => isDefault(each, document));
  if (!isMap(item)) return false;
  const name = valueOf(item, 'name', { document });
  return name === undefined || (isScalar(name) && name.value === DEFAULT);
}

const namesIn = (text: unknown): readonly string[] =>
  String(text)
    .split(',')
    .map((name) => name.trim());
