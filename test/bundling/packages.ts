/**
 * The packages that most tests import, each as one module: jest loads hundreds of files otherwise, for every test file
 * again. Made once for each package-lock.json, outside the checkout.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Plugin, build } from 'esbuild';

const ROOT = resolve(import.meta.dirname, '../..');
const CACHE = join(
  process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'),
  'virtrigaud-proxmox',
  'packages',
);

const NAMES = ['busboy', 'croner', 'fast-check', 'ipaddr.js', 'pino', 'prom-client', 'undici', 'yaml', 'zod'];

export interface Packages {
  /** Changes with the packages. */
  readonly version: string;
  /** The module of each package that has one. */
  readonly modules: ReadonlyMap<string, string>;
}

let made: Promise<Packages> | undefined;

/** Bundles them if that was not done before. */
export const bundledPackages = (): Promise<Packages> => (made ??= make());

async function make(): Promise<Packages> {
  const version = [join(ROOT, 'package-lock.json'), import.meta.filename]
    .reduce((hash, file) => hash.update(readFileSync(file)), createHash('sha256').update(process.version))
    .digest('hex')
    .slice(0, 16);
  const dir = join(CACHE, version);
  if (!existsSync(dir)) await bundleInto(dir);
  return { version, modules: new Map(NAMES.map((name) => [name, join(dir, `${name}.mjs`)])) };
}

/** Renamed when complete: several processes may be at it. */
async function bundleInto(dir: string): Promise<void> {
  const unfinished = `${dir}.${randomBytes(4).toString('hex')}`;
  await mkdir(unfinished, { recursive: true });
  await build({
    entryPoints: NAMES.map((name) => ({ in: `package:${name}`, out: name })),
    outdir: unfinished,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    platform: 'node',
    target: 'node22.20',
    format: 'cjs',
    // Identifiers are not minified, to keep stack traces readable.
    minifyWhitespace: true,
    plugins: [entries],
    logLevel: 'warning',
  });
  for (const name of NAMES) await writeFile(join(unfinished, `${name}.mjs`), await reexport(name));
  try {
    await rename(unfinished, dir);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    if (!existsSync(dir)) throw error;
  }
}

/** What Node finds in the package, by name: CommonJS has no such list. */
const exportsOf = async (name: string): Promise<readonly string[]> =>
  Object.keys((await import(name)) as object).filter((each) => each !== 'module.exports');

/** The bundle as an ES module. Some names of zod are words of the language, such as `null`. */
async function reexport(name: string): Promise<string> {
  const names = await exportsOf(name);
  const constants = names.map((each, index) => `const e${index} = bundle.${each};`);
  const exported = names.map((each, index) => `e${index} as ${each}`);
  return [
    "import { createRequire } from 'node:module';",
    `const bundle = createRequire(import.meta.url)('./${name}.cjs');`,
    ...constants,
    `export { ${exported.join(', ')} };\n`,
  ].join('\n');
}

const entries: Plugin = {
  name: 'entries',
  setup(hooks) {
    hooks.onResolve({ filter: /^package:/ }, ({ path }) => ({
      path: path.slice('package:'.length),
      namespace: 'package',
    }));
    hooks.onLoad({ filter: /.*/, namespace: 'package' }, async ({ path }) => {
      const names = await exportsOf(path);
      return { contents: `export { ${names.join(', ')} } from '${path}';`, resolveDir: ROOT };
    });
  },
};
