/** Which files of the checkout a module needs, and a hash of what is in them. */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';

interface Module {
  readonly stamp: string;
  readonly hash: string;
  readonly imports: readonly string[];
}

/** Also of types, and in comments: one file too many does no harm. Packages are not followed. */
const IMPORT = /(?:from|import)\s*\(?\s*['"](\.{1,2}\/[^'"]+)['"]/g;

const known = new Map<string, Module>();

/** `undefined`: there is no such file. It is an example in a comment, or a mistake, which the bundler reports. */
function read(file: string): Module | undefined {
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found?.isFile()) return undefined;
  const stamp = `${found.mtimeMs} ${found.size}`;
  const before = known.get(file);
  if (before?.stamp === stamp) return before;
  const text = readFileSync(file, 'utf8');
  const module = {
    stamp,
    hash: createHash('sha256').update(text).digest('hex'),
    imports: [...text.matchAll(IMPORT)].flatMap(([, name = '']) => resolve(dirname(file), name)),
  };
  known.set(file, module);
  return module;
}

/** Looks at each file once: for those who ask about many modules of a checkout that stays as it is meanwhile. */
export function readOnce(): typeof read {
  const modules = new Map<string, Module | undefined>();
  return (file) => {
    if (!modules.has(file)) modules.set(file, read(file));
    return modules.get(file);
  };
}

/** The module itself and all that it imports, directly or not; a file that does not exist is left out. */
export function filesOf(entry: string, moduleOf = read): ReadonlyMap<string, string> {
  const hashes = new Map<string, string>();
  const waiting = [entry];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (hashes.has(file)) continue;
    const module = moduleOf(file);
    if (!module) continue;
    hashes.set(file, module.hash);
    waiting.push(...module.imports);
  }
  return hashes;
}

/** Changes with any of the files, and not with the folder of the checkout. */
export function contentKey(files: ReadonlyMap<string, string>, root: string): string {
  const lines = [...files].map(([file, hash]) => `${relative(root, file)} ${hash}`);
  return createHash('sha256').update(lines.toSorted().join('\n')).digest('hex');
}
