/** A test file is bundled again if anything in it changes, and only then. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { contentKey, filesOf } from '../../bundling/imports.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'bundling-'));
  write('test/a.test.ts', "import { b } from '../src/b.ts';\nimport 'zod';\n");
  write('src/b.ts', "export type { C } from './c.ts';\nexport const b = () => import('./d/d.ts');\n");
  write('src/c.ts', 'export type C = 1;\n');
  write('src/d/d.ts', "import {\n  b,\n} from '../b.ts';\n");
  write('src/other.ts', '');
});
afterEach(() => rmSync(root, { recursive: true }));

function write(file: string, text: string): void {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
}

const key = (at = root): string => contentKey(filesOf(join(at, 'test/a.test.ts')), at);

test('all that a file imports is found, also on the way and in a circle', () => {
  const found = [...filesOf(join(root, 'test/a.test.ts')).keys()].map((file) => file.slice(root.length + 1));
  expect(found.toSorted()).toEqual(['src/b.ts', 'src/c.ts', 'src/d/d.ts', 'test/a.test.ts']);
});

test.each(['test/a.test.ts', 'src/b.ts', 'src/c.ts', 'src/d/d.ts'])('a change of %s counts', (file) => {
  const before = key();
  write(file, '// changed\n');
  expect(key()).not.toBe(before);
});

test('a change of a file that is not imported does not count, nor does the folder of the checkout', () => {
  const before = key();
  write('src/other.ts', '// changed\n');
  expect(key()).toBe(before);
  const clone = `${root}-clone`;
  cpSync(root, clone, { recursive: true });
  try {
    expect(key(clone)).toBe(before);
  } finally {
    rmSync(clone, { recursive: true });
  }
});
