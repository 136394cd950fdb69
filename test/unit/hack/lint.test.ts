import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { lintChanged } from '../../../hack/lint/changed.ts';
import { filesOf } from '../../bundling/imports.ts';

let dir: string;
let root: string;

const FILES = ['eslint.config.js', 'src/a.ts', 'src/b.ts', 'src/c.ts', 'src/globals.ts', 'src/other.ts'];

function write(file: string, text: string): void {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
}

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lint-'));
  root = join(dir, 'checkout');
  write('eslint.config.js', '// rules');
  write('tsconfig.json', '{}');
  write('package.json', '{}');
  write('package-lock.json', '{}');
  write('src/a.ts', "import { b } from './b.ts';\n");
  write('src/b.ts', "export type { C } from './c.ts';\nexport const b = 1;\n");
  write('src/c.ts', 'export type C = 1;\n');
  write('src/globals.ts', "declare module 'zod' { interface GlobalMeta { a: 1 } }\n");
  write('src/other.ts', '// nothing\n');
});
afterEach(() => rmSync(dir, { recursive: true }));

/** Like a rule that knows types: it finds something in a file if that, or anything that it imports, says so. */
function finds(word: string, file: string): boolean {
  return [...filesOf(file).keys()].some((each) => readFileSync(each, 'utf8').includes(word));
}

/** @returns which files were linted, and what was found in which */
async function lint(files: readonly string[] = FILES) {
  const linted: string[] = [];
  const results = await lintChanged({
    root,
    cache: join(dir, 'cache', 'lint.json'),
    files,
    lint(paths) {
      linted.push(...paths.map((path) => relative(root, path)));
      return Promise.resolve(
        paths.map((filePath) => ({
          filePath,
          messages: ['an error', 'a warning'].filter((word) => finds(word, filePath)),
        })),
      );
    },
  });
  const found = results.flatMap(({ filePath, messages }) =>
    messages.map((message) => `${relative(root, filePath)}: ${message}`),
  );
  return { linted, found };
}

test('what had no finding is linted once', async () => {
  expect(await lint()).toEqual({ linted: FILES, found: [] });
  expect(await lint()).toEqual({ linted: [], found: [] });
});

describe('linted again is', () => {
  test.each([
    ['src/a.ts', ['src/a.ts']],
    ['src/b.ts', ['src/a.ts', 'src/b.ts']],
    ['src/c.ts', ['src/a.ts', 'src/b.ts', 'src/c.ts']],
    ['src/other.ts', ['src/other.ts']],
    ['src/globals.ts', FILES],
    ['eslint.config.js', FILES],
    ['tsconfig.json', FILES],
    ['package-lock.json', FILES],
  ])('after a change of %s: %j', async (file, again) => {
    await lint();
    write(file, `${readFileSync(join(root, file), 'utf8')}\n// changed\n`);
    expect((await lint()).linted).toEqual(again);
  });

  test('what is new, and what has another name', async () => {
    await lint();
    renameSync(join(root, 'src/other.ts'), join(root, 'src/renamed.ts'));
    write('src/new.ts', '');
    const { linted } = await lint([...FILES, 'src/new.ts', 'src/renamed.ts']);
    expect(linted).toEqual(['src/other.ts', 'src/new.ts', 'src/renamed.ts']);
  });

  test('everything, if what was remembered cannot be read', async () => {
    await lint();
    writeFileSync(join(dir, 'cache', 'lint.json'), '{"half":');
    expect((await lint()).linted).toEqual(FILES);
  });

  test('what does not exist yet, once it does', async () => {
    rmSync(join(root, 'src/c.ts'));
    const files = FILES.filter((file) => file !== 'src/c.ts');
    await lint(files);
    write('src/c.ts', '// an error');
    expect((await lint(files)).found).toEqual(['src/a.ts: an error', 'src/b.ts: an error']);
  });
});

describe('a finding', () => {
  test.each(['an error', 'a warning'])('is reported each time, until it is gone: %s', async (word) => {
    await lint();
    write('src/c.ts', `// ${word}`);
    const expected = ['src/a.ts', 'src/b.ts', 'src/c.ts'];
    for (let time = 0; time < 3; time += 1)
      expect(await lint()).toEqual({ linted: expected, found: expected.map((file) => `${file}: ${word}`) });
    write('src/c.ts', '// nothing any more');
    expect(await lint()).toEqual({ linted: expected, found: [] });
    expect(await lint()).toEqual({ linted: [], found: [] });
  });

  test('that comes back is found again', async () => {
    write('src/c.ts', '// an error');
    const first = await lint();
    write('src/c.ts', '// nothing');
    await lint();
    write('src/c.ts', '// an error');
    expect((await lint()).found).toEqual(first.found);
  });
});
