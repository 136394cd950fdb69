/** Writes the reference part of docs/kinds: one table of fields a kind, between two markers. */
import { KINDS } from '../../src/api/index.ts';
import type { Kind } from '../../src/api/kind.ts';
import { isObject, type JsonSchema } from './check-structural.ts';
import { structural, type Files } from './crds.ts';

const START = '<!-- reference: written by npm run generate -->';
const END = '<!-- end of reference -->';
const INT32_MAX = 2 ** 31 - 1;

interface Row {
  readonly path: string;
  readonly type: string;
  readonly required: boolean;
  readonly text: string;
}

const texts = (value: unknown): readonly string[] => (Array.isArray(value) ? value.map(String) : []);

function typeOf(schema: JsonSchema): string {
  if (schema['x-kubernetes-int-or-string'] === true) return 'integer or string';
  if (schema['x-kubernetes-preserve-unknown-fields'] === true) return 'string or boolean';
  if (schema['type'] !== 'array') return String(schema['type']);
  return `list of ${isObject(schema['items']) ? typeOf(schema['items']) : 'anything'}`;
}

function bounds({ minimum, maximum }: JsonSchema): string {
  if (typeof minimum !== 'number') return '';
  if (typeof maximum === 'number' && maximum < INT32_MAX) return `From ${minimum} to ${maximum}.`;
  return minimum > 0 ? `At least ${minimum}.` : '';
}

const messages = (schema: JsonSchema): readonly string[] =>
  Array.isArray(schema['x-kubernetes-validations'])
    ? schema['x-kubernetes-validations'].filter(isObject).map((v) => `${capital(String(v['message']))}.`)
    : [];

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function describe(schema: JsonSchema): string {
  const items = isObject(schema['items']) ? schema['items'] : {};
  const values = texts(schema['enum']).map((value) => `\`${value}\``);
  const parts = [
    typeof schema['description'] === 'string' ? schema['description'] : '',
    values.length > 0 ? `One of ${values.join(', ')}.` : '',
    bounds(schema),
    ...messages(schema),
    ...(items['type'] === 'object' ? [] : messages(items).map((message) => `Each: ${message}`)),
  ];
  return parts.filter((part) => part !== '').join(' ');
}

function rows(schema: JsonSchema, path: string): readonly Row[] {
  const properties = isObject(schema['properties']) ? Object.entries(schema['properties']) : [];
  return properties.flatMap(([name, child]) => {
    if (!isObject(child)) return [];
    const isList = child['type'] === 'array';
    const own = `${path}${name}${isList ? '[]' : ''}`;
    const inner = isList && isObject(child['items']) ? child['items'] : child;
    const required = texts(schema['required']).includes(name);
    return [{ path: own, type: typeOf(child), required, text: describe(child) }, ...rows(inner, `${own}.`)];
  });
}

const cell = (text: string): string => text.replaceAll('|', '\\|');

const table = (schema: JsonSchema): string =>
  [
    '| Field | Type | Required | Meaning |',
    '|---|---|---|---|',
    ...rows(schema, '').map(
      ({ path, type, required, text }) =>
        `| \`${path}\` | ${type} | ${required ? 'yes' : ''} | ${cell(text)} |`,
    ),
  ].join('\n');

const reference = (kind: Kind): string =>
  [
    START,
    '## spec',
    table(structural(kind.spec.describe('spec'), 'spec')),
    '## status',
    table(structural(kind.status.describe('status'), 'status')),
    END,
  ].join('\n\n');

/** `read` gives a page as it is: what stands around the markers is written by hand and kept. */
export const docFiles = (read: (path: string) => string | undefined): Files =>
  new Map(
    KINDS.map((kind) => {
      const path = `docs/kinds/${kind.singular}.md`;
      const page = read(path) ?? `# ${kind.kind}\n\n${kind.description}\n\n${START}\n${END}\n`;
      const [before, rest] = page.split(START);
      const after = rest?.split(END)[1];
      if (before === undefined || after === undefined) {
        throw new Error(`${path} has lost its markers: put back the lines "${START}" and "${END}"`);
      }
      return [path, before + reference(kind) + after];
    }),
  );
