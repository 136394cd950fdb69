/**
 * Lints the files of which it is not known that there is nothing to find in them. The rules that know types look across
 * files: the result of a file depends on all that it imports, directly or not, and on what declares types for all.
 * ESLint's own cache looks at the file alone, so it would miss the effect of a change on another file.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { contentKey, filesOf, readOnce } from '../../test/bundling/imports.ts';
import { rememberClean, rememberedClean } from './clean.ts';

/** What makes a difference for every file. */
const SETTINGS = ['eslint.config.js', 'tsconfig.json', 'package.json', 'package-lock.json'];
/** These count for files that do not import them. */
const FOR_ALL = /\.d\.[cm]?ts$/;
const DECLARES_FOR_ALL = /^\s*declare\s+(?:module|global|namespace)\b/m;
const REFERS = /^\/\/\/\s*<reference\b/m;

/** As ESLint gives it. */
export interface LintResult {
  /** Absolute. */
  readonly filePath: string;
  /** Errors and warnings. */
  readonly messages: readonly unknown[];
}

export interface Linting<R extends LintResult> {
  /** The checkout. */
  readonly root: string;
  /** The file in which is written what had no finding. */
  readonly cache: string;
  /** What is to be linted, relative to the checkout. */
  readonly files: readonly string[];
  readonly lint: (files: readonly string[]) => Promise<readonly R[]>;
}

/** @returns the results of the files that were linted; the others have no finding */
export async function lintChanged<R extends LintResult>({
  root,
  cache,
  files,
  lint,
}: Linting<R>): Promise<readonly R[]> {
  const keys = keysOf(root, files);
  const clean = rememberedClean(cache);
  const unknown = files.filter((file) => !clean.has(keys.get(file) ?? ''));
  const results = unknown.length === 0 ? [] : await lint(unknown.map((file) => join(root, file)));
  const found = new Set(results.filter(({ messages }) => messages.length > 0).map((each) => each.filePath));
  const linted = new Set(results.map(({ filePath }) => filePath));
  const isClean = (file: string): boolean => {
    const path = resolve(root, file);
    return clean.has(keys.get(file) ?? '') || (linted.has(path) && !found.has(path));
  };
  rememberClean(
    cache,
    files.filter(isClean).flatMap((file) => keys.get(file) ?? []),
  );
  return results;
}

/** For each file, what changes with all that its result depends on, and not with the folder of the checkout. */
function keysOf(root: string, files: readonly string[]): ReadonlyMap<string, string> {
  const moduleOf = readOnce();
  const keyOf = (file: string): string => contentKey(filesOf(join(root, file), moduleOf), root);
  const forAll = files.filter((file) => countsForAll(file, join(root, file)));
  const settings = JSON.stringify([
    process.version,
    [import.meta.filename, ...SETTINGS.map((name) => join(root, name))].map(contents),
    forAll.map((file) => [file, keyOf(file)]),
  ]);
  const of = (file: string): string =>
    createHash('sha256').update(settings).update(`\0${file}\0`).update(keyOf(file)).digest('hex');
  return new Map(files.filter((file) => existsSync(join(root, file))).map((file) => [file, of(file)]));
}

function countsForAll(file: string, path: string): boolean {
  const text = contents(path);
  return FOR_ALL.test(file) || DECLARES_FOR_ALL.test(text) || REFERS.test(text);
}

const contents = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8') : '');
