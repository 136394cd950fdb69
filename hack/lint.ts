/** `eslint .`, as a check of `make test`: it lints the files that are not known to be free of findings. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ESLint } from 'eslint';
import { lintChanged } from './lint/changed.ts';
import { CACHE, filesOfCheckout } from './passed-before.ts';

const ROOT = resolve(import.meta.dirname, '..');
const eslint = new ESLint({ cwd: ROOT });

async function lint(files: readonly string[]): Promise<readonly ESLint.LintResult[]> {
  const results = await eslint.lintFiles([...files]);
  const formatter = await eslint.loadFormatter('stylish');
  process.stdout.write(await formatter.format(results));
  return results;
}

/** What `eslint .` would lint of these files. */
async function lintable(files: readonly string[]): Promise<readonly string[]> {
  const present = files.filter((file) => /\.[cm]?[jt]sx?$/.test(file) && existsSync(join(ROOT, file)));
  const ignored = await Promise.all(present.map((file) => eslint.isPathIgnored(join(ROOT, file))));
  return present.filter((_, index) => ignored[index] === false);
}

const files = await filesOfCheckout(ROOT);
const results = files
  ? await lintChanged({ root: ROOT, cache: join(CACHE, 'lint.json'), files: await lintable(files), lint })
  : await lint(['.']);
if (results.some(({ errorCount }) => errorCount > 0)) process.exitCode = 1;
