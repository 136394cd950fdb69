/**
 * Remembers, outside the checkout, with which files a check passed. The rules of ESLint that know types look across
 * files, so its own cache, which goes by single files, would miss what a change does to another file.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { run } from './control-plane/run.ts';

const ROOT = resolve(import.meta.dirname, '..');
/** Next to the binaries and jest's cache: a fresh clone on the same machine starts warm. */
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

/** `undefined` where git cannot name the files: such a check runs each time. */
export async function passedBefore(name: string, command: readonly string[]): Promise<Before | undefined> {
  const files = await filesOfCheckout();
  if (files === undefined) return undefined;
  const hash = createHash('sha256').update(JSON.stringify([process.version, process.platform, command]));
  for (const file of files) hash.update(`\0${file}\0`).update(await contents(file));
  const stamp = join(CACHE, `${name.replaceAll(' ', '-')}-${hash.digest('hex')}`);
  return {
    passed: await exists(stamp),
    async record() {
      await mkdir(CACHE, { recursive: true });
      await dropOld();
      await writeFile(stamp, '');
    },
  };
}

/** Those that git follows and those that are new; what is ignored (packages, bundles) is not among them. */
async function filesOfCheckout(): Promise<readonly string[] | undefined> {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const { code, stdout } = await run('git', args, { cwd: ROOT });
  return code === 0 ? [...new Set(stdout.split('\0').filter(Boolean))].toSorted() : undefined;
}

/** A file that was deleted, but not yet for git, counts as empty. */
const contents = (file: string): Promise<Buffer> =>
  readFile(join(ROOT, file)).catch(() => Buffer.from('deleted'));

const exists = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );

async function dropOld(): Promise<void> {
  for (const name of await readdir(CACHE)) {
    const file = join(CACHE, name);
    if (Date.now() - (await stat(file)).mtimeMs > KEPT_MS) await rm(file, { force: true });
  }
}
