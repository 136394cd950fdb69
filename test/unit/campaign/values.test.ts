/** The campaign edits every field of every kind, or says why it does not. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { NOT_EDITED, VALUES } from '../../campaign/values.ts';

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema;
}
interface Crd {
  readonly spec: {
    readonly names: { readonly kind: string };
    readonly versions: readonly { readonly schema: { readonly openAPIV3Schema: Schema } }[];
  };
}

const CRDS = join(import.meta.dirname, '../../../crds');

function leavesOf(schema: Schema, path: string): readonly string[] {
  if (schema.properties)
    return Object.entries(schema.properties).flatMap(([name, inner]) => leavesOf(inner, `${path}.${name}`));
  if (schema.items) return leavesOf(schema.items, path);
  return [path];
}

/** The paths of a value, without the positions of lists. */
function pathsOf(value: unknown, path: string): readonly string[] {
  if (Array.isArray(value)) return [path, ...value.flatMap((item) => pathsOf(item, path))];
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([name, inner]) => pathsOf(inner, `${path}.${name}`))];
}

const fields = readdirSync(CRDS).flatMap((file) => {
  const { spec } = parse(readFileSync(join(CRDS, file), 'utf8')) as Crd;
  const schema = spec.versions[0]?.schema.openAPIV3Schema.properties?.['spec'] ?? {};
  return leavesOf(schema, spec.names.kind);
});
const edited = new Set(
  Object.entries(VALUES).flatMap(([kind, values]) =>
    Object.entries(values).flatMap(([field, list]) => pathsOf(list, `${kind}.${field}`)),
  ),
);
const isExempt = (field: string): boolean =>
  Object.keys(NOT_EDITED).some((path) =>
    path.endsWith('.') ? field.startsWith(path) : field === path || field.startsWith(`${path}.`),
  );

test('each field of the CRDs is edited by the campaign, or exempt with a reason', () => {
  expect(fields.filter((field) => !edited.has(field) && !isExempt(field))).toEqual([]);
});

test('the campaign edits only fields that exist', () => {
  const known = new Set(
    fields.flatMap((field) => field.split('.').map((_, index, parts) => parts.slice(0, index + 1).join('.'))),
  );
  const isWithinMap = (path: string): boolean => fields.some((field) => path.startsWith(`${field}.`)); // such as labels, whose keys are free
  expect([...edited].filter((path) => !known.has(path) && !isWithinMap(path))).toEqual([]);
});

test('what is exempt exists', () => {
  const missing = Object.keys(NOT_EDITED).filter(
    (path) =>
      !fields.some((field) => field === path || field.startsWith(path.endsWith('.') ? path : `${path}.`)),
  );
  expect(missing).toEqual([]);
});
