/** Bundles a program with its packages, so that it starts faster and needs no node_modules: a file, and one for its worker thread. */
import { cpSync, existsSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { z } from 'zod';

interface Program {
  readonly entry: string;
  /** In the folder of `--outdir`. */
  readonly out: string;
  /** The worker thread that it starts, found next to the bundle. */
  readonly worker?: { readonly entry: string; readonly out: string };
  /** Files and folders that it reads when it runs, found next to the bundle. */
  readonly data: readonly string[];
}

const PROGRAMS: Readonly<Partial<Record<string, Program>>> = {
  operator: {
    entry: 'src/cmd/main.ts',
    out: 'virtrigaud-proxmox.mjs',
    worker: { entry: 'src/cloudinit/reading/worker.ts', out: 'virtrigaud-proxmox-worker.mjs' },
    data: [],
  },
  fakepve: {
    entry: 'test/fakepve/cli.ts',
    out: 'fakepve/fakepve.mjs',
    data: [
      'test/fakepve/clusters',
      'test/fakepve/schema/endpoints.json',
      'test/fakepve/schema/versions.json',
    ],
  },
};

/** Packages written as CommonJS expect these names, which an ES module does not have. */
const COMMONJS_NAMES = `
import { createRequire as bundleCreateRequire } from 'node:module';
import { dirname as bundleDirname } from 'node:path';
import { fileURLToPath as bundleFileURLToPath } from 'node:url';
const require = bundleCreateRequire(import.meta.url);
const __filename = bundleFileURLToPath(import.meta.url);
const __dirname = bundleDirname(__filename);
`.trim();

const { version } = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')));

const {
  values: { outdir },
  positionals: names,
} = parseArgs({ allowPositionals: true, options: { outdir: { type: 'string', default: 'dist' } } });

async function bundle(name: string): Promise<string> {
  const program = PROGRAMS[name];
  if (program === undefined)
    throw new Error(`Unknown program ${name}. Use one of ${Object.keys(PROGRAMS).join(', ')}.`);
  const { entry, worker, data } = program;
  const out = join(outdir, program.out);
  if (!existsSync(entry))
    throw new Error(`${entry} does not exist. Run this command in the root of the checkout.`);
  await bundleFile(entry, out, worker && `./${worker.out}`);
  if (worker) await bundleFile(worker.entry, join(outdir, worker.out));
  for (const path of data) cpSync(path, join(dirname(out), basename(path)), { recursive: true });
  return `${out}: ${(statSync(out).size / 1024 ** 2).toFixed(2)} MB`;
}

async function bundleFile(entry: string, outfile: string, worker?: string): Promise<void> {
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node22.20',
    format: 'esm',
    sourcemap: true,
    define: {
      VIRTRIGAUD_VERSION: JSON.stringify(version),
      VIRTRIGAUD_COMMIT: JSON.stringify(process.env['VIRTRIGAUD_COMMIT'] ?? 'unknown'),
      ...(worker !== undefined && { VIRTRIGAUD_WORKER: JSON.stringify(worker) }),
    },
    // Identifiers are not minified, to keep stack traces readable.
    minifySyntax: true,
    minifyWhitespace: true,
    banner: { js: COMMONJS_NAMES },
    logLevel: 'warning',
  });
}

try {
  for (const name of names.length > 0 ? names : ['operator']) process.stdout.write(`${await bundle(name)}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
