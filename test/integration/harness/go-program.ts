/** Programs of the tests that are written in Go, because what they ask exists only there. */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { z } from 'zod';
import { run } from '../../../hack/control-plane/run.ts';
import { sha256Hex } from '../../../src/lib/hash.ts';

/** Takes objects, and gives an answer for each. */
export type Judge<T> = (...objects: readonly unknown[]) => Promise<readonly T[]>;

/**
 * Builds the program in `test/NAME` once for each version of its source, in a cache outside the checkout. It reads
 * objects as lines of JSON, and writes a line for each.
 *
 * @param args for each run of the program
 */
export async function judgeProgram<T>(
  name: string,
  Answer: z.ZodType<T>,
  args: readonly string[] = [],
): Promise<Judge<T>> {
  const program = await builtProgram(name);
  return async (...objects) => {
    const input = objects.map((object) => JSON.stringify(object)).join('\n');
    const { code, stdout, stderr } = await run(program, args, { input });
    if (code !== 0) throw new Error(`${name} failed: ${stderr.trim()}`);
    return stdout
      .trim()
      .split('\n')
      .map((line) => Answer.parse(JSON.parse(line)));
  };
}

async function builtProgram(name: string): Promise<string> {
  const source = join(import.meta.dirname, '../..', name);
  const read = (file: string): string => readFileSync(join(source, file), 'utf8');
  const version = sha256Hex(['main.go', 'go.mod', 'go.sum'].map(read).join('\n')).slice(0, 16);
  const root = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  const dir = join(root, 'virtrigaud-proxmox', name);
  const program = join(dir, version);
  if (existsSync(program)) return program;
  await mkdir(dir, { recursive: true });
  // Renamed when complete: a file in the cache under its final name is always complete.
  const unfinished = `${program}.${process.pid}`;
  const args = ['build', '-trimpath', '-buildvcs=false', '-ldflags', '-s -w', '-o', unfinished, '.'];
  const { code, stderr } = await run('go', args, { cwd: source, env: { ...process.env, CGO_ENABLED: '0' } });
  if (code !== 0) throw new Error(`test/${name} could not be built with Go 1.26 or newer: ${stderr.trim()}`);
  await rename(unfinished, program);
  return program;
}
