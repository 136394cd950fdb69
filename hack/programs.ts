/** The programs that are bundled, each with its packages: into one file, and one for each of its worker threads. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { BuildOptions } from 'esbuild';
import { z } from 'zod';

interface Bundle {
  readonly entry: string;
  /** In the folder of `--outdir`. */
  readonly out: string;
  /** Where the bundle is, if `out` only looks whether this Node can run it. */
  readonly behind?: string;
  /**
   * It is started by its name, wherever it is copied to. Node takes a file without an extension for CommonJS, unless
   * a package.json above it says otherwise.
   */
  readonly script?: true;
}

interface Worker extends Bundle {
  /** The name that stands for the file in the source of the program. */
  readonly constant: string;
}

export interface Program extends Bundle {
  /** The worker threads that it starts, found next to the bundle. */
  readonly workers?: readonly Worker[];
  /** Files and folders that it reads when it runs, found next to the bundle. */
  readonly data: readonly string[];
  /** Further names of the file: links to it. */
  readonly links?: readonly string[];
}

export const PROGRAMS: Readonly<Partial<Record<string, Program>>> = {
  operator: {
    entry: 'src/cmd/main.ts',
    out: 'virtrigaud-proxmox.mjs',
    behind: 'virtrigaud-proxmox-main.mjs',
    workers: [
      {
        entry: 'src/cloudinit/reading/worker.ts',
        out: 'virtrigaud-proxmox-worker.mjs',
        constant: 'VIRTRIGAUD_WORKER',
      },
      {
        entry: 'src/download/decompress/worker.ts',
        out: 'virtrigaud-proxmox-decompress.mjs',
        constant: 'VIRTRIGAUD_DECOMPRESS_WORKER',
      },
    ],
    data: [],
  },
  kubectl: {
    entry: 'src/cli/main.ts',
    out: 'kubectl/kubectl-vm',
    script: true,
    links: ['kubectl-create-vmsnapshot', 'kubectl_complete-vm'],
    data: [],
  },
  loadgen: { entry: 'test/performance/loadgen/cli.ts', out: 'loadgen/virtrigaud-loadgen.mjs', data: [] },
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

const { version, engines } = z
  .object({ version: z.string(), engines: z.object({ node: z.templateLiteral(['>=', z.string()]) }) })
  .parse(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')));

const OLDEST_NODE = engines.node.slice('>='.length);

/**
 * A program that starts the bundle, or says which Node it needs: an older one does not even parse it, and prints the
 * line that it cannot read, which is the whole bundle. Written for very old ones.
 */
export const guardOf = (bundle: string): string => `const needed = '${OLDEST_NODE}'.split('.').map(Number);
const found = process.versions.node.split('.').map(Number);
if (found[0] < needed[0] || (found[0] === needed[0] && found[1] < needed[1])) {
  console.error('ERROR Node.js ${OLDEST_NODE} or newer is needed, and this is ' + process.version + '. See https://nodejs.org');
  process.exit(1);
}
import('./${bundle}');
`;

/** The first lines of a script: it says which Node it needs, too. */
const SHEBANG = `#!/usr/bin/env node
{
  const needed = '${OLDEST_NODE}'.split('.').map(Number);
  const found = process.versions.node.split('.').map(Number);
  if (found[0] < needed[0] || (found[0] === needed[0] && found[1] < needed[1])) {
    console.error('error: Node.js ${OLDEST_NODE} or newer is needed, and this is ' + process.version + '. See https://nodejs.org');
    process.exit(1);
  }
}`;

/** The image is built without the history. */
function checkedOut(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return 'unknown';
  }
}

export const bundleOptions = ({ entry, workers = [], script }: Bundle & Pick<Program, 'workers'>) =>
  ({
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    target: `node${OLDEST_NODE}`,
    format: script ? 'cjs' : 'esm',
    sourcemap: !script,
    define: {
      VIRTRIGAUD_VERSION: JSON.stringify(version),
      VIRTRIGAUD_COMMIT: JSON.stringify(process.env['VIRTRIGAUD_COMMIT'] ?? checkedOut()),
      ...Object.fromEntries(workers.map(({ constant, out }) => [constant, JSON.stringify(`./${out}`)])),
    },
    // Identifiers are not minified, to keep stack traces readable.
    minifySyntax: true,
    minifyWhitespace: true,
    banner: { js: script ? SHEBANG : COMMONJS_NAMES },
    logLevel: 'warning',
  }) satisfies BuildOptions;
