import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ANNOTATIONS, KINDS } from '../../../src/api/index.ts';

const root = join(import.meta.dirname, '../../..');

/** Who speaks in events; no annotation. */
const OTHER_NAMES = new Set(['virtrigaud.io/proxmox']);

const namedInSources = (): ReadonlySet<string> =>
  new Set(
    globSync(['controllers/**/*.ts', 'src/**/*.ts'], { cwd: root })
      .filter((path) => !path.endsWith('api/annotations.ts'))
      .flatMap((path) => [...readFileSync(join(root, path), 'utf8').matchAll(/'(virtrigaud\.io\/[\w-]+)'/g)])
      .flatMap(([, name]) => (name === undefined || OTHER_NAMES.has(name) ? [] : [name])),
  );

describe('annotations', () => {
  test('that the operator reads are those that the admission policy lets through (src/api/annotations.ts)', () => {
    expect([...namedInSources()].toSorted()).toEqual(ANNOTATIONS.map(({ name }) => name).toSorted());
  });

  test('are for kinds that exist', () => {
    const kinds = KINDS.map(({ kind }) => kind);
    for (const { on } of ANNOTATIONS) expect(kinds).toEqual(expect.arrayContaining([...on]));
  });
});
