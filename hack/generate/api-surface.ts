/** The public API of a kind as text, without its words: what clients and stored objects depend on. Pure. */
import { KINDS } from '../../src/api/index.ts';
import type { Kind } from '../../src/api/kind.ts';
import { isObject, type JsonSchema } from './check-structural.ts';
import { crd } from './crds.ts';

const BOUNDS = [
  'format',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'maxProperties',
  'pattern',
] as const;

const texts = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function typeOf(schema: JsonSchema): string {
  if (schema['x-kubernetes-int-or-string'] === true) return 'int-or-string';
  if (schema['x-kubernetes-preserve-unknown-fields'] === true) return 'any';
  if (schema['type'] !== 'array') return String(schema['type']);
  const keys = texts(schema['x-kubernetes-list-map-keys']);
  return `list(${String(schema['x-kubernetes-list-type'])}${keys.length > 0 ? ` by ${keys.join(', ')}` : ''})`;
}

const rulesOf = (schema: JsonSchema): readonly string[] =>
  texts(schema['x-kubernetes-validations'])
    .filter(isObject)
    .map(({ rule, fieldPath }) =>
      typeof fieldPath === 'string' ? `rule: ${String(rule)} at ${fieldPath}` : `rule: ${String(rule)}`,
    );

const detailsOf = (schema: JsonSchema): readonly string[] => [
  ...BOUNDS.filter((name) => schema[name] !== undefined).map((name) => `${name}=${String(schema[name])}`),
  ...(schema['enum'] === undefined ? [] : [`enum=${JSON.stringify(schema['enum'])}`]),
  ...(schema['default'] === undefined ? [] : [`default=${JSON.stringify(schema['default'])}`]),
];

function linesOf(schema: JsonSchema, path: string, required: boolean): readonly string[] {
  const own = [path, typeOf(schema), ...(required ? ['required'] : []), ...detailsOf(schema)].join(' ');
  const needed = texts(schema['required']);
  const properties = isObject(schema['properties']) ? Object.entries(schema['properties']) : [];
  return [
    own,
    ...rulesOf(schema).map((rule) => `  ${rule}`),
    ...properties.flatMap(([name, child]) =>
      isObject(child) ? linesOf(child, `${path}.${name}`, needed.includes(name)) : [],
    ),
    ...(isObject(schema['items']) ? linesOf(schema['items'], `${path}[]`, false) : []),
  ];
}

/** One line for each field, in the order in which the reference pages show them. */
export function apiSurface(kind: Kind): string {
  const { spec } = crd(kind);
  return spec.versions
    .flatMap(({ name, additionalPrinterColumns, schema }) => [
      `${spec.group}/${name} ${spec.names.kind}, ${spec.names.plural}, ${[spec.names.singular, ...kind.shortNames].join(', ')}`,
      ...additionalPrinterColumns.map(
        (column) =>
          `column ${column.name} ${column.type} ${column.jsonPath}${'priority' in column ? ' wide' : ''}`,
      ),
      ...linesOf(schema.openAPIV3Schema, '', false).slice(1),
      '',
    ])
    .join('\n');
}

export const goldenPath = ({ singular }: Kind): string => `test/golden/api/${singular}.txt`;

/** Only written on purpose: see the test that compares them. */
export const goldenFiles = (): ReadonlyMap<string, string> =>
  new Map(KINDS.map((kind) => [goldenPath(kind), apiSurface(kind)]));
