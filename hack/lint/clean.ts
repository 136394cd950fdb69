/** Which files, with all that their results depend on, had nothing that a linter finds: by key, in one file of JSON. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';

/** About twenty versions of every file of the checkout; those that were used last are kept. */
const KEPT = 20_000;

/** The keys, those that were used last first. */
const Remembered = z.array(z.string());

function read(file: string): readonly string[] {
  try {
    return Remembered.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return []; // there is none, or none that can be read: everything is linted
  }
}

export const rememberedClean = (file: string): ReadonlySet<string> => new Set(read(file));

/** Of two processes that write at once one is forgotten, so files are linted that need not be. */
export function rememberClean(file: string, keys: readonly string[]): void {
  const all = new Set([...keys, ...read(file)]);
  const unfinished = `${file}.${process.pid}`;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(unfinished, JSON.stringify([...all].slice(0, KEPT)));
  renameSync(unfinished, file);
}
