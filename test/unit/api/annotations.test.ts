import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import * as api from '../../../src/api/annotations.ts';
import { KINDS } from '../../../src/api/index.ts';

const { ANNOTATION_PREFIX, ANNOTATIONS } = api;

const root = join(import.meta.dirname, '../../..');

/** The reporter of events; no annotation. */
const OTHER_NAMES = new Set(['virtrigaud.io/proxmox']);

const sources = globSync(['controllers/**/*.ts', 'src/**/*.ts'], { cwd: root })
  .filter((path) => !path.endsWith('api/annotations.ts'))
  .map((path) => readFileSync(join(root, path), 'utf8'));

const literals = (): readonly string[] =>
  sources
    .flatMap((text) => [...text.matchAll(/['`](virtrigaud\.io\/[\w-]+)['`]/g)])
    .flatMap(([, name]) => (name === undefined || OTHER_NAMES.has(name) ? [] : [name]));

/** Read by an admission policy alone. */
const ON_OTHER_OBJECTS: readonly string[] = [api.CONFIRM_DELETION];

/** The constants of src/api/annotations.ts whose value is the name of an annotation of our kinds. */
const constants = Object.entries(api).flatMap(([constant, value]) =>
  typeof value === 'string' &&
  value.startsWith(ANNOTATION_PREFIX) &&
  value !== ANNOTATION_PREFIX &&
  !ON_OTHER_OBJECTS.includes(value)
    ? [{ constant, name: value }]
    : [],
);

describe('annotations', () => {
  test('are named once, by a constant of src/api/annotations.ts', () => {
    expect(literals()).toEqual([]);
    expect(constants.map(({ name }) => name).toSorted()).toEqual(
      ANNOTATIONS.map(({ name }) => name).toSorted(),
    );
  });

  test.each(constants)(
    'that the admission policy lets through are read by the operator: $name',
    ({ constant }) => {
      expect(sources.filter((text) => new RegExp(`\\[${constant}\\]`).test(text))).not.toEqual([]);
    },
  );

  test('are for kinds that exist', () => {
    const kinds = KINDS.map(({ kind }) => kind);
    for (const { on } of ANNOTATIONS) expect(kinds).toEqual(expect.arrayContaining([...on]));
  });
});
