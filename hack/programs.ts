/** The programs that are bundled, each with its packages: into one file, and one for its worker thread. */
import { readFileSync } from 'node:fs';
import type { BuildOptions } from 'esbuild';
import { z } from 'zod';

interface Bundle {
  readonly entry: string;
  /** In the folder of `--outdir`. */
  readonly out: string;
}

export interface Program extends Bundle {
  /** The worker thread that it starts, found next to the bundle. */
  readonly worker?: Bundle;
  /** Files and folders that it reads when it runs, found next to the bundle. */
  readonly data: readonly string[];
}

export const PROGRAMS: Readonly<Partial<Record<string, Program>>> = {
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

export const bundleOptions = ({ entry, worker }: Bundle & Pick<Program, 'worker'>) =>
  ({
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    target: 'node22.20',
    format: 'esm',
    sourcemap: true,
    define: {
      VIRTRIGAUD_VERSION: JSON.stringify(version),
      VIRTRIGAUD_COMMIT: JSON.stringify(process.env['VIRTRIGAUD_COMMIT'] ?? 'unknown'),
      ...(worker && { VIRTRIGAUD_WORKER: JSON.stringify(`./${worker.out}`) }),
    },
    // Identifiers are not minified, to keep stack traces readable.
    minifySyntax: true,
    minifyWhitespace: true,
    banner: { js: COMMONJS_NAMES },
    logLevel: 'warning',
  }) satisfies BuildOptions;
