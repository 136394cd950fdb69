/** Holds a generated schema against what Kubernetes demands of a structural schema, before an API server does. */

export type JsonSchema = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is JsonSchema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const ruleOf = (validation: unknown): string =>
  isObject(validation) && typeof validation['rule'] === 'string' ? validation['rule'] : '';

/** What a schema node says of itself in CEL. */
export const rulesOf = (schema: JsonSchema): readonly string[] =>
  Array.isArray(schema['x-kubernetes-validations']) ? schema['x-kubernetes-validations'].map(ruleOf) : [];

/** Go's regular expressions have no lookaround and no backreferences. */
const notRe2 = /\(\?(=|!|<=|<!)|\\[1-9]|\\k</;

const keywords = new Set([
  'type',
  'format',
  'description',
  'properties',
  'required',
  'items',
  'enum',
  'default',
  'pattern',
  'additionalProperties',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'maxProperties',
  'x-kubernetes-validations',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-int-or-string',
  'x-kubernetes-preserve-unknown-fields',
]);

type Check = (schema: JsonSchema) => string | undefined;

const checks: readonly Check[] = [
  (s) => {
    const unknown = Object.keys(s).filter((key) => !keywords.has(key));
    return unknown.length > 0 ? `${unknown.join(', ')} has no place in a structural schema` : undefined;
  },
  (s) =>
    s['type'] === undefined &&
    s['x-kubernetes-int-or-string'] !== true &&
    s['x-kubernetes-preserve-unknown-fields'] !== true
      ? 'has no type'
      : undefined,
  (s) =>
    s['additionalProperties'] === false ? 'forbids unknown fields: the API server prunes them' : undefined,
  (s) => (s['description'] === undefined ? 'has no description' : undefined),
  (s) =>
    [s['pattern'], ...rulesOf(s)].some((text) => typeof text === 'string' && notRe2.test(text))
      ? 'has a regular expression that Go does not know'
      : undefined,
  (s) =>
    s['type'] === 'array' && (s['maxItems'] === undefined || s['x-kubernetes-list-type'] === undefined)
      ? 'is a list without maxItems or x-kubernetes-list-type'
      : undefined,
  (s) =>
    s['type'] === 'string' && s['maxLength'] === undefined && s['enum'] === undefined
      ? 'is a text without maxLength'
      : undefined,
  (s) =>
    s['type'] === 'integer' && Math.abs(Number(s['maximum'] ?? 0)) === Number.MAX_SAFE_INTEGER
      ? "carries JavaScript's own bound of integers"
      : undefined,
  (s) => (s['default'] === undefined ? undefined : 'has a default: defaults are applied in code'),
];

/** Every fault of a schema and its nested schemas, each with the field's path; empty without faults. */
export function structuralFaults(schema: JsonSchema, path: string): readonly string[] {
  const own = checks.flatMap((check) => check(schema) ?? []).map((fault) => `${path} ${fault}`);
  const properties = isObject(schema['properties']) ? Object.entries(schema['properties']) : [];
  const inner = properties.flatMap(([name, child]) =>
    isObject(child) ? structuralFaults(child, `${path}.${name}`) : [`${path}.${name} is not a schema`],
  );
  // A list's items are described by the list itself.
  const items = isObject(schema['items'])
    ? structuralFaults({ description: '', ...schema['items'] }, `${path}[]`)
    : [];
  return [...own, ...inner, ...items];
}
