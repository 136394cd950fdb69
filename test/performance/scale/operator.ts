/** The bundled operator as a process, and what it costs. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlPlane } from '../../../hack/control-plane/index.ts';

const BUNDLE = join(import.meta.dirname, '../../../dist/virtrigaud-proxmox.mjs');
/** Linux counts CPU time in hundredths of a second. */
const TICKS = 100;

/**
 * As in the image, and as V8 sets itself in a container with the chart's limit of 512Mi: half of it is for old objects.
 * On a large machine it would not collect garbage for long.
 */
const FLAGS = ['--max-semi-space-size=16', '--max-old-space-size=256'];

export interface Operator {
  readonly metrics: () => Promise<string>;
  readonly cpuSeconds: () => number;
  readonly memoryMb: () => number;
  /** The most that it had since its start. */
  readonly peakMb: () => number;
  readonly end: (signal: 'SIGTERM' | 'SIGKILL') => Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

export async function startOperator(
  plane: ControlPlane,
  { name, log }: { readonly name: string; readonly log: string },
): Promise<Operator> {
  const port = await freePort();
  const file = await open(log, 'a');
  const args = [...FLAGS, BUNDLE, '--metrics-bind-address', `127.0.0.1:${port}`];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', file.fd, file.fd],
    env: { ...process.env, ...plane.env, POD_NAME: name, LOG_LEVEL: 'warn' },
  });
  await file.close();
  const fieldOf = (field: string): number => {
    const status = readFileSync(`/proc/${child.pid ?? 0}/status`, 'utf8');
    return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1] ?? 0) / 1024;
  };
  return {
    metrics: () =>
      fetch(`http://127.0.0.1:${port}/metrics`)
        .then((reply) => reply.text())
        .catch(() => ''),
    cpuSeconds: () => cpuSeconds(child),
    memoryMb: () => fieldOf('VmRSS'),
    peakMb: () => fieldOf('VmHWM'),
    async end(signal) {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill(signal);
      await once(child, 'exit');
      await sleep(0);
    },
  };
}

/** After the name in parentheses, which may hold anything: state is field 3, utime 14, stime 15. */
function cpuSeconds({ pid }: ChildProcess): number {
  const stat = readFileSync(`/proc/${pid ?? 0}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** The sum of the samples of a metric whose labels match. */
export const sumOf = (metrics: string, name: string, labels = /./): number =>
  metrics
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) && labels.test(line))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
