/**
 * Gives jest each test file as one module that contains all it imports from the checkout. Loading the product through
 * jest, file by file, takes a second of CPU time for each test file.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { type Plugin, build, transform, version } from 'esbuild';
import { GLOBALS, ownGlobals } from './globals.ts';
import { contentKey, filesOf } from './imports.ts';
import { bundledPackages, type Packages } from './packages.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const TARGET = 'node22.20';
const ITSELF = [import.meta.filename, join(import.meta.dirname, 'globals.ts')].map((file) =>
  readFileSync(file),
);

/** Jest replaces modules one by one, so they must be loaded one by one. */
const replacesModules = (source: string): boolean => source.includes('jest.unstable_mockModule(');

/** A module keeps its place in the checkout, also as a part of another. */
const inPlace = (entry: string): Plugin => ({
  name: 'in place',
  setup(hooks) {
    hooks.onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8');
      if (path === entry || !source.includes('import.meta')) return undefined;
      const folder = JSON.stringify(`/${relative(dirname(entry), dirname(path))}`);
      const place = relative(dirname(entry), path);
      const contents = source
        .replaceAll('import.meta.dirname', `(import.meta.dirname + ${folder})`)
        .replaceAll('import.meta.filename', `(import.meta.dirname + ${JSON.stringify(`/${place}`)})`)
        .replaceAll('import.meta.url', `new URL(${JSON.stringify(place)}, import.meta.url).href`);
      return { contents, loader: 'ts' };
    });
  },
});

const withPackages = ({ modules }: Packages): Plugin => ({
  name: 'with packages',
  setup(hooks) {
    hooks.onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
      kind === 'entry-point' ? undefined : { path: modules.get(path) ?? path, external: true },
    );
  },
});

async function bundle(file: string): Promise<{ code: string; map: string }> {
  const { outputFiles, metafile } = await build({
    entryPoints: [file],
    // The paths in the source map are relative to it.
    outfile: `${file}.js`,
    write: false,
    metafile: true,
    bundle: true,
    platform: 'node',
    target: TARGET,
    format: 'esm',
    sourcemap: 'external',
    sourcesContent: false,
    inject: [GLOBALS],
    plugins: [ownGlobals, withPackages(await bundledPackages()), inPlace(file)],
    absWorkingDir: ROOT,
    logLevel: 'warning',
  });
  const found = filesOf(file);
  const missed = Object.keys(metafile.inputs)
    .filter((input) => !input.startsWith('globals:'))
    .find((input) => !found.has(resolve(ROOT, input)));
  if (missed !== undefined)
    throw new Error(`${missed} is a part of ${file}, but test/bundling/imports.ts did not find its import.`);
  const textOf = (end: string) => outputFiles.find(({ path }) => path.endsWith(end))?.text ?? '';
  return { code: textOf('.js'), map: textOf('.map') };
}

export default {
  async getCacheKeyAsync(source: string, file: string): Promise<string> {
    const { version: packages } = await bundledPackages();
    const hash = createHash('sha256').update(Buffer.concat(ITSELF)).update(source);
    return hash
      .update(JSON.stringify([version, packages, relative(ROOT, file), contentKey(filesOf(file), ROOT)]))
      .digest('hex');
  },

  async processAsync(source: string, file: string): Promise<{ code: string; map: string }> {
    if (!replacesModules(source)) return bundle(file);
    return transform(source, { loader: 'ts', target: TARGET, sourcefile: file, sourcemap: 'external' });
  },
};
