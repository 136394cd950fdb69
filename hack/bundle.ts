/** Bundles a program and its packages into one file, which starts faster and needs no node_modules. */
import { cpSync, existsSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { bundleOptions, PROGRAMS } from './programs.ts';

const {
  values: { outdir },
  positionals: names,
} = parseArgs({ allowPositionals: true, options: { outdir: { type: 'string', default: 'dist' } } });

async function bundle(name: string): Promise<string> {
  const program = PROGRAMS[name];
  if (program === undefined)
    throw new Error(`Unknown program ${name}. Use one of ${Object.keys(PROGRAMS).join(', ')}.`);
  const { entry, data } = program;
  const out = join(outdir, program.out);
  if (!existsSync(entry))
    throw new Error(`${entry} does not exist. Run this command in the root of the checkout.`);
  await build({ ...bundleOptions(program), outfile: out });
  for (const path of data) cpSync(path, join(dirname(out), basename(path)), { recursive: true });
  return `${out}: ${(statSync(out).size / 1024 ** 2).toFixed(2)} MB`;
}

try {
  for (const name of names.length > 0 ? names : ['operator']) process.stdout.write(`${await bundle(name)}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
