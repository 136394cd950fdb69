/** Bundles a program with its packages, so that it starts faster and needs no node_modules: a file, and one for each of its worker threads. */
import { chmodSync, cpSync, existsSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { bundleOptions, guardOf, PROGRAMS } from './programs.ts';

const {
  values: { outdir },
  positionals: names,
} = parseArgs({ allowPositionals: true, options: { outdir: { type: 'string', default: 'dist' } } });

async function bundle(name: string): Promise<string> {
  const program = PROGRAMS[name];
  if (program === undefined)
    throw new Error(`Unknown program ${name}. Use one of ${Object.keys(PROGRAMS).join(', ')}.`);
  const { entry, workers = [], data, behind } = program;
  const out = join(outdir, behind ?? program.out);
  if (!existsSync(entry))
    throw new Error(`${entry} does not exist. Run this command in the root of the checkout.`);
  await build({ ...bundleOptions(program), outfile: out });
  if (behind !== undefined) writeFileSync(join(outdir, program.out), guardOf(behind));
  for (const worker of workers) await build({ ...bundleOptions(worker), outfile: join(outdir, worker.out) });
  if (program.script) asScript(out, program.links ?? []);
  for (const path of data) cpSync(path, join(dirname(out), basename(path)), { recursive: true });
  return `${out}: ${(statSync(out).size / 1024 ** 2).toFixed(2)} MB`;
}

function asScript(out: string, links: readonly string[]): void {
  chmodSync(out, 0o755);
  const folder = dirname(out);
  // For this folder alone: the checkout's own says that a file without an extension is an ES module.
  writeFileSync(join(folder, 'package.json'), '{ "type": "commonjs" }\n');
  for (const link of links) {
    rmSync(join(folder, link), { force: true });
    symlinkSync(basename(out), join(folder, link));
  }
}

try {
  for (const name of names.length > 0 ? names : ['operator']) process.stdout.write(`${await bundle(name)}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
