import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { KINDS } from '../../../src/api/index.ts';

const ROOT = join(import.meta.dirname, '../../..');
const page = readFileSync(join(ROOT, 'docs/from-terraform.md'), 'utf8');

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

const schemaOf = (schema: z.ZodType): Schema =>
  z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Schema;

const roots = new Map<string, Schema>(
  KINDS.map(({ kind, spec, status }) => [
    kind === 'VirtualMachine' ? 'VM' : kind,
    { properties: { spec: schemaOf(spec), status: schemaOf(status) } },
  ]),
);

/** The first part of a path that the schema does not have; `undefined`: all are there. */
function missingIn(path: string): string | undefined {
  const [kind = '', ...parts] = path.split('.');
  let at = roots.get(kind);
  for (const part of parts) {
    const [name = '', isList] = part.split('[]');
    const next = at?.properties?.[name];
    at = isList === undefined ? next : next?.items;
    if (!at) return `${kind}: ${part}`;
  }
  return undefined;
}

const paths = [
  ...new Set(
    [...page.matchAll(/`((?:VM[A-Za-z]*|Provider)\.(?:spec|status)[A-Za-z.[\]]*)`/g)].map(
      ([, path]) => path!,
    ),
  ),
];

describe('docs/from-terraform.md', () => {
  test('names many fields', () => {
    expect(paths.length).toBeGreaterThan(80);
  });

  test.each(paths)('%s is a field', (path) => {
    expect(missingIn(path)).toBeUndefined();
  });

  test('has an answer in each row', () => {
    const rows = page.split('\n').filter((line) => line.startsWith('| '));
    for (const row of rows) expect(row).toMatch(/^\| .+ \| .+ \|$/);
  });

  test('finds a field that does not exist', () => {
    expect(missingIn('VM.spec.disks[].speed')).toBe('VM: speed');
  });
});
