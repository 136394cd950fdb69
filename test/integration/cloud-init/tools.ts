/** The programs that judge our images: Debian packages xorriso, genisoimage (isoinfo), util-linux (blkid) and cloud-init. */
import { test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** blkid is in a folder that is on the PATH of root only. */
const FOLDERS = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];

export const find = (tool: string): string | undefined =>
  FOLDERS.map((folder) => join(folder, tool)).find((path) => existsSync(path));

/** A test that is reported as skipped, with the reason in its name, where a program is missing. */
export function testWith(tools: readonly string[]): (name: string, body: () => void) => void {
  const missing = tools.filter((tool) => find(tool) === undefined);
  return missing.length === 0
    ? (name, body) => test(name, body)
    : (name, body) => test.skip(`${name} (skipped: ${missing.join(' and ')} not installed)`, body);
}

/** Standard output of a program that has to succeed. */
export function run(tool: string, args: readonly string[], input?: string | Uint8Array): string {
  const { status, stdout, stderr, error } = spawnSync(find(tool) ?? tool, args, { input, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${tool} ${args.join(' ')}: ${error?.message ?? `${stdout}${stderr}`}`);
  return stdout;
}

/** Runs Python with cloud-init's own modules: the interpreter is the one that cloud-init itself names in its first line. */
export function withCloudInit(script: string, input: string | Uint8Array): unknown {
  const [, interpreter = ''] = /^#!\s*(\S+)/.exec(readFileSync(find('cloud-init') ?? '', 'utf8')) ?? [];
  return JSON.parse(run(interpreter, ['-c', script], input));
}

/** Whether the installed cloud-init can check network-config (since version 24.1). */
export const checksNetworkConfig = (): boolean =>
  find('cloud-init') !== undefined && run('cloud-init', ['schema', '--help']).includes('--schema-type');

export function inFolder<T>(use: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'cloud-init-'));
  try {
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function inFile<T>(name: string, bytes: Uint8Array, use: (path: string) => T): T {
  return inFolder((folder) => {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    return use(path);
  });
}
