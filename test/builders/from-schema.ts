/** Values made from a generated schema alone: whatever bounds, patterns and rules it has, and what lies just outside of them. */
import fc, { type Arbitrary } from './fast-check.ts';
import { isObject, rulesOf, type JsonSchema } from '../../hack/generate/check-structural.ts';
import { holds } from './cel.ts';

/** The same answer for the same text, computed once. */
function once<T>(of: (text: string) => T): (text: string) => T {
  const known = new Map<string, { readonly value: T }>();
  return (text) => {
    const found = known.get(text) ?? { value: of(text) };
    known.set(text, found);
    return found.value;
  };
}

const childrenOf = (schema: JsonSchema): readonly (readonly [string, JsonSchema])[] =>
  Object.entries(isObject(schema['properties']) ? schema['properties'] : {}).filter(
    (entry): entry is [string, JsonSchema] => isObject(entry[1]),
  );
const itemsOf = (schema: JsonSchema): JsonSchema | undefined =>
  isObject(schema['items']) ? schema['items'] : undefined;
const requiredOf = (schema: JsonSchema): readonly string[] =>
  Array.isArray(schema['required']) ? schema['required'].map(String) : [];
const number = (value: unknown, otherwise: number): number => (typeof value === 'number' ? value : otherwise);

/** Of objects and lists, which are never changed: most are parts of many values. */
const judged = new WeakMap<JsonSchema, WeakMap<object, boolean>>();

/** Whether the API server takes the value, as far as schema and rules say. */
export function accepts(schema: JsonSchema, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return isTaken(schema, value);
  const before = judged.get(schema) ?? new WeakMap<object, boolean>();
  judged.set(schema, before);
  const known = before.get(value) ?? isTaken(schema, value);
  before.set(value, known);
  return known;
}

const isTaken = (schema: JsonSchema, value: unknown): boolean =>
  fits(schema, value) && rulesOf(schema).every((rule) => holds(rule, value));

function fits(schema: JsonSchema, value: unknown): boolean {
  if (Array.isArray(schema['enum'])) return schema['enum'].includes(value);
  if (schema['x-kubernetes-int-or-string'] === true)
    return typeof value === 'string'
      ? matches(schema, value)
      : Number.isInteger(value) && isWithin(schema, Number(value));
  switch (schema['type']) {
    case 'string':
      return typeof value === 'string' && matches(schema, value);
    case 'integer':
      return Number.isInteger(value) && isWithin(schema, Number(value));
    case 'number':
      return typeof value === 'number' && isWithin(schema, value);
    case 'boolean':
      return typeof value === 'boolean';
    case 'array':
      return Array.isArray(value) && isList(schema, value);
    case 'object':
      return isObject(value) && isRecord(schema, value);
    default:
      return false;
  }
}

const regExp = once((source: string) => new RegExp(source));

const matches = ({ maxLength, pattern }: JsonSchema, value: string): boolean =>
  Array.from(value).length <= number(maxLength, Infinity) &&
  (typeof pattern !== 'string' || regExp(pattern).test(value));

const INT32 = { minimum: -(2 ** 31), maximum: 2 ** 31 - 1 };

function isWithin(schema: JsonSchema, value: number): boolean {
  const least = schema['format'] === 'int32' ? INT32.minimum : -Infinity;
  const most = schema['format'] === 'int32' ? INT32.maximum : Infinity;
  return value >= number(schema['minimum'], least) && value <= number(schema['maximum'], most);
}

function isList(schema: JsonSchema, value: readonly unknown[]): boolean {
  const items = itemsOf(schema);
  const keys = schema['x-kubernetes-list-map-keys'];
  const [key] = Array.isArray(keys) ? keys.map(String) : [];
  const isUnique =
    key === undefined ||
    new Set(value.map((item) => (isObject(item) ? item[key] : item))).size === value.length;
  return (
    value.length >= number(schema['minItems'], 0) &&
    value.length <= number(schema['maxItems'], Infinity) &&
    isUnique &&
    (items === undefined || value.every((item) => accepts(items, item)))
  );
}

const isRecord = (schema: JsonSchema, value: JsonSchema): boolean =>
  requiredOf(schema).every((key) => value[key] !== undefined) &&
  childrenOf(schema).every(([key, child]) => value[key] === undefined || accepts(child, value[key]));

const LITERAL = /'([^']*)'/g;
const NUMBER = /(?<![\w'.])\d+(?:\.\d+)?(?![\w'.])/g;
const PATTERN = /r'([^']*)'/g;

const matching = once((source: string) => fc.stringMatching(regExp(source)));

/** Texts that no pattern describes, because a function of CEL judges them. */
const ADDRESSES = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc.tuple(fc.ipV4(), fc.nat(33)).map(([ip, bits]) => `${ip}/${bits}`),
  fc.tuple(fc.ipV6(), fc.nat(129)).map(([ip, bits]) => `${ip}/${bits}`),
  fc.constantFrom('10.0.0.9/8', '10.0.0.1', 'fd00::9/64', 'fd00::1', 'fe80::1'),
  fc.constantFrom('::ffff:1.2.3.4', 'fe80::1%eth0', '010.0.0.1', '::/0', '0.0.0.0/0', '10.0.0.1/08'),
);
/** Around the limits of the rules, in units of their own. */
const AMOUNTS = fc
  .tuple(fc.nat(100), fc.constantFrom('', 'm', 's', 'h', 'ms', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'M', 'G', 'e3'))
  .map(([count, unit]) => `${count}${unit}`);

function texts(schema: JsonSchema): Arbitrary<string> {
  const rules = rulesOf(schema).join(' ');
  const patterns = [
    ...[...rules.matchAll(PATTERN)].map(([, source = '']) => source),
    ...(typeof schema['pattern'] === 'string' ? [schema['pattern']] : []),
  ];
  const literals = [...rules.replaceAll(PATTERN, '').matchAll(LITERAL)].map(([, text = '']) => text);
  const longest = number(schema['maxLength'], 300);
  return fc.oneof(
    ...patterns.map((source) => matching(source)),
    ...(literals.length > 0 ? [fc.constantFrom(...literals)] : []),
    ...(/isIP|isCIDR/.test(rules) ? [ADDRESSES] : []),
    ...(/duration|isQuantity/.test(rules) ? [AMOUNTS] : []),
    ...(patterns.length === 0 ? [fc.string({ maxLength: 20 })] : []),
    fc.constantFrom(...[0, 1, longest, longest + 1].map((length) => 'a'.repeat(Math.min(length, 400)))),
  );
}

function numbers(schema: JsonSchema, isWhole: boolean): Arbitrary<number> {
  const rules = rulesOf(schema).join(' ');
  const bounds = [
    ...[schema['minimum'], schema['maximum']].filter((bound) => typeof bound === 'number'),
    ...[...rules.matchAll(NUMBER)].map(([text]) => Number(text)),
    ...(schema['format'] === 'int32' ? [INT32.maximum] : []),
  ];
  const step = isWhole ? 1 : 0.001;
  const around = bounds.flatMap((bound) => [bound - step, bound, bound + step]);
  const least = number(schema['minimum'], 0);
  const most = Math.min(number(schema['maximum'], 100_000), 2 ** 31);
  return fc.oneof(
    fc.constantFrom(...[...around, 0, 1].filter((value) => !isWhole || Number.isSafeInteger(value))),
    fc.integer({ min: least, max: Math.max(least, most) }),
  );
}

/** Values of a field, right ones and those just outside. */
export function around(schema: JsonSchema): Arbitrary<unknown> {
  const values: unknown = schema['enum'];
  if (Array.isArray(values))
    return fc.constantFrom<unknown>(...values.map((value: unknown) => value), 'other');
  if (schema['x-kubernetes-int-or-string'] === true)
    return fc.oneof(texts(schema), numbers({ ...schema, maximum: number(schema['maximum'], 2 ** 31) }, true));
  switch (schema['type']) {
    case 'string':
      return texts(schema);
    case 'integer':
      return numbers(schema, true);
    case 'number':
      return numbers(schema, false);
    case 'boolean':
      return fc.boolean();
    default:
      throw new Error(`No values are known for ${JSON.stringify(schema)}`);
  }
}

const TRIES = 300;
const MANY = 40;
const pools = new WeakMap<JsonSchema, readonly unknown[]>();

/** Values that the API server takes. Those of a schema are made once: most of the time goes into strings that match a pattern. */
export function accepted(schema: JsonSchema): readonly unknown[] {
  const known = pools.get(schema);
  if (known) return known;
  const pool = fc
    .sample(everything(schema), TRIES)
    .filter((value) => accepts(schema, value))
    .slice(0, MANY);
  if (pool.length === 0) throw new Error(`Nothing is accepted by ${JSON.stringify(schema)}`);
  pools.set(schema, pool);
  return pool;
}

/** Parts that are taken each by itself; the rules of the whole may refuse them together. */
function everything(schema: JsonSchema): Arbitrary<unknown> {
  const items = itemsOf(schema);
  if (schema['type'] === 'array' && items)
    return fc.array(fc.constantFrom(...accepted(items)), {
      minLength: number(schema['minItems'], 0),
      maxLength: 3,
    });
  if (schema['type'] !== 'object') return around(schema);
  const fields = childrenOf(schema).map(
    ([key, child]) => [key, fc.constantFrom(...accepted(child))] as const,
  );
  return fc.record(Object.fromEntries(fields), {
    requiredKeys: [...requiredOf(schema)],
    noNullPrototype: true,
  });
}

export type Path = readonly string[];

/** The fields of a schema that hold no other fields, each with its path; `[]` is an item of a list. */
export function leavesOf(
  schema: JsonSchema,
  path: Path = [],
): readonly { readonly path: Path; readonly schema: JsonSchema }[] {
  const items = itemsOf(schema);
  if (items) return leavesOf(items, [...path, '[]']);
  if (schema['type'] !== 'object') return [{ path, schema }];
  return childrenOf(schema).flatMap(([key, child]) => leavesOf(child, [...path, key]));
}

/** Values of the whole that are right except, perhaps, in the one field. */
export function withField(schema: JsonSchema, path: Path, value: Arbitrary<unknown>): Arbitrary<unknown> {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  const items = itemsOf(schema);
  if (key === '[]' && items) return withField(items, rest, value).map((item) => [item]);
  const child = childrenOf(schema).find(([name]) => name === key)?.[1];
  if (!child) throw new Error(`There is no field ${key}`);
  const optional = childrenOf(schema).flatMap(([name]) => (requiredOf(schema).includes(name) ? [] : [name]));
  const siblings = fc
    .tuple(fc.constantFrom(...accepted(schema)), fc.subarray(optional))
    .map(([others, without]) =>
      Object.fromEntries(
        Object.entries(isObject(others) ? others : {}).filter(([name]) => !without.includes(name)),
      ),
    );
  // The first siblings that go with the value, if any do.
  return fc
    .tuple(fc.array(siblings, { minLength: 12, maxLength: 12 }), withField(child, rest, value))
    .map(([all, changed]) => {
      const candidates = all.map((others) => ({ ...others, [key]: changed }));
      return candidates.find((candidate) => accepts(schema, candidate)) ?? candidates[0];
    });
}
