import type { Definitions } from './schema.ts';

export type Properties = Readonly<Record<string, string>>;

const isTrue = /^(?:1|on|yes|true)$/i;
const isFalse = /^(?:0|off|no|false)$/i;

/** PVE normalizes booleans to 1 and 0. */
export const normalBoolean = (value: string): string =>
  isTrue.test(value) ? '1' : isFalse.test(value) ? '0' : value;

const duplicate = (key: string): Error => new Error(`duplicate key in comma-separated list property: ${key}`);

const defaultKeys = new WeakMap<Definitions, string>();

/** The key of a value without a key. */
function defaultKeyOf(format: Definitions): string | undefined {
  const known = defaultKeys.get(format);
  if (known !== undefined) return known;
  const found = Object.keys(format).find((key) => format[key]?.defaultKey);
  if (found !== undefined) defaultKeys.set(format, found);
  return found;
}

/**
 * Parses `virtio=02:00:…,bridge=vmbr0` by its format; aliases are replaced by their keys.
 * Throws PVE's error if the form is invalid; values are validated elsewhere.
 */
export function splitProperties(text: string, format: Definitions): Properties {
  const found: Record<string, string> = {};
  const defaultKey = defaultKeyOf(format);
  const put = (name: string, value: string): void => {
    const definition = format[name];
    if (definition?.keyAlias !== undefined) {
      if (found[definition.keyAlias] !== undefined)
        throw new Error(`key alias '${definition.keyAlias}' is already defined`);
      found[definition.keyAlias] = name;
    }
    const key = definition?.alias ?? name;
    if (found[key] !== undefined) throw duplicate(name);
    found[key] = format[key]?.type === 'boolean' ? normalBoolean(value) : value;
  };
  for (const part of text.split(',')) {
    if (part.trim() === '') continue;
    const at = part.indexOf('=');
    if (at > 0 && at < part.length - 1) put(part.slice(0, at), part.slice(at + 1));
    else if (at >= 0) throw new Error('missing key in comma-separated list property');
    else if (defaultKey === undefined)
      throw new Error('value without key, but schema does not define a default key');
    else put(defaultKey, part);
  }
  return found;
}
