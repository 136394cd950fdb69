/** Starts the fake Proxmox VE by its command line, and reads address and token from its output. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { freePort } from '../control-plane/processes.ts';

export interface RunningFake {
  readonly url: string;
  /** `user@realm!name=secret` */
  readonly token: string;
  readonly stop: () => Promise<void>;
}

const READY_WITHIN_MS = 60_000;

/** @throws Error with the output of the fake if it has no address or token */
export async function startFake(cluster: string, latency: string): Promise<RunningFake> {
  const port = await freePort();
  const args = ['test/fakepve/cli.ts', '--port', String(port), '--cluster', cluster, '--latency', latency];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'exit');
  let printed = '';
  const found = new Promise<{ url: string; token: string } | undefined>((resolve) => {
    const read = (chunk: Buffer) => {
      printed += chunk.toString();
      const url = new RegExp(`https?://[^\\s'"]*:${port}`).exec(printed)?.[0];
      const token = /root@pam![\w.-]+=[\w-]+(?=[\s'"])/.exec(printed)?.[0];
      if (url !== undefined && token !== undefined) resolve({ url, token });
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    setTimeout(() => resolve(undefined), READY_WITHIN_MS).unref();
    void ended.then(() => resolve(undefined));
  });
  const stop = async () => {
    child.kill();
    await ended;
  };

  const reached = await found;
  if (reached !== undefined) return { ...reached, stop };
  await stop();
  throw new Error(
    `The fake Proxmox VE printed no address or no token of root@pam. Its output:\n${printed.trim()}`,
  );
}
