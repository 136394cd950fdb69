/** Remembers, outside the checkout, with which files a check passed. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { run } from './control-plane/run.ts';

const ROOT = resolve(import.meta.dirname, '..');
/** Next to the binaries and jest's cache: a fresh clone on the same machine uses it too. */
export const CACHE = join(
  process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'),
  'virtrigaud-proxmox',
  'checks',
);
const KEPT_MS = 30 * 24 * 3600 * 1000;

export interface Before {
  /** It passed once with the files as they are now, the same packages and the same Node. */
  readonly passed: boolean;
  readonly record: () => Promise<void>;
}

export interface Folders {
  /** A checkout, or a folder inside it. */
  readonly root: string;
  /** Where the checks that passed are recorded. */
  readonly cache: string;
}

/** `undefined` where git cannot list the files: such a check runs each time. */
export async function passedBefore(
  name: string,
  command: readonly string[],
  { root, cache }: Folders = { root: ROOT, cache: CACHE },
): Promise<Before | undefined> {
  const files = await filesOfCheckout(root);
  if (files === undefined) return undefined;
  const hash = createHash('sha256').update(JSON.stringify([process.version, process.platform, command]));
  for (const file of files) hash.update(`\0${file}\0`).update(await contents(join(root, file)));
  const stamp = join(cache, `${name.replaceAll(' ', '-')}-${hash.digest('hex')}`);
  return {
    passed: await exists(stamp),
    async record() {
      await mkdir(cache, { recursive: true });
      await deleteOld(cache);
      await writeFile(stamp, '');
    },
  };
}

/** The files that git tracks and the new ones; ignored files (packages, bundles) are not among them. */
export async function filesOfCheckout(root: string): Promise<readonly string[] | undefined> {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const { code, stdout } = await run('git', args, { cwd: root });
  return code === 0 ? [...new Set(stdout.split('\0').filter(Boolean))].toSorted() : undefined;
}

/** A file that was deleted, but is still tracked, is hashed as this word. */
const contents = (file: string): Promise<Buffer> => readFile(file).catch(() => Buffer.from('deleted'));

const exists = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );

async function deleteOld(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    const file = join(cache, name);
    if (Date.now() - (await stat(file)).mtimeMs > KEPT_MS) await rm(file, { force: true });
  }
}
