/** What the kstatus library says of objects: it decides when Flux, Argo CD and others consider an object settled. */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { run } from '../../../hack/control-plane/run.ts';
import { sha256Hex } from '../../../src/lib/hash.ts';

const SOURCE = join(import.meta.dirname, '../../kstatus');

const Answer = z.object({
  status: z.enum(['InProgress', 'Failed', 'Current', 'Terminating', 'NotFound', 'Unknown']),
  message: z.string(),
});
export type KStatus = z.output<typeof Answer>;

/** Builds the program once for each version of its source; the cache is outside the checkout. */
export async function kstatusProgram(): Promise<
  (...objects: readonly unknown[]) => Promise<readonly KStatus[]>
> {
  const version = sha256Hex(['main.go', 'go.mod', 'go.sum'].map(read).join('\n')).slice(0, 16);
  const root = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  const dir = join(root, 'virtrigaud-proxmox', 'kstatus');
  const program = join(dir, version);
  if (!existsSync(program)) await build(dir, program);
  return async (...objects) => {
    const input = objects.map((object) => JSON.stringify(object)).join('\n');
    const { code, stdout, stderr } = await run(program, [], { input });
    if (code !== 0) throw new Error(`kstatus failed: ${stderr.trim()}`);
    return stdout
      .trim()
      .split('\n')
      .map((line) => Answer.parse(JSON.parse(line)));
  };
}

const read = (file: string): string => readFileSync(join(SOURCE, file), 'utf8');

async function build(dir: string, program: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  // Renamed when complete: a file in the cache under its final name is always complete.
  const unfinished = `${program}.${process.pid}`;
  const args = ['build', '-trimpath', '-buildvcs=false', '-ldflags', '-s -w', '-o', unfinished, '.'];
  const { code, stderr } = await run('go', args, { cwd: SOURCE, env: { ...process.env, CGO_ENABLED: '0' } });
  if (code !== 0) throw new Error(`test/kstatus could not be built with Go 1.26 or newer: ${stderr.trim()}`);
  await rename(unfinished, program);
}
