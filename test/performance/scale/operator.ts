/** The bundled operator as a process, and what it costs. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlPlane } from '../../../hack/control-plane/index.ts';
import { freePort } from '../../../hack/demo/cast.ts';
import { cpuSeconds, memoryMb } from '../../../hack/measure/counters.ts';

const BUNDLE = join(import.meta.dirname, '../../../dist/virtrigaud-proxmox.mjs');

/**
 * As in the image, and as V8 sets itself in a container with the chart's limit of 512Mi: half of it is for old objects.
 * On a large machine it would not collect garbage for long.
 */
const FLAGS = ['--max-semi-space-size=16', '--max-old-space-size=256'];

export interface Operator {
  readonly metrics: () => Promise<string>;
  readonly cpuSeconds: () => Promise<number>;
  readonly memoryMb: () => Promise<number>;
  /** The most that it had since its start. */
  readonly peakMb: () => Promise<number>;
  readonly end: (signal: 'SIGTERM' | 'SIGKILL') => Promise<void>;
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
  return {
    metrics: () =>
      fetch(`http://127.0.0.1:${port}/metrics`)
        .then((reply) => reply.text())
        .catch(() => ''),
    cpuSeconds: () => cpuSeconds(child),
    memoryMb: () => memoryMb(child),
    peakMb: () => memoryMb(child, 'VmHWM'),
    async end(signal) {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill(signal);
      await once(child, 'exit');
      await sleep(0);
    },
  };
}

/** The sum of the samples of a metric whose labels match. */
export const sumOf = (metrics: string, name: string, labels = /./): number =>
  metrics
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) && labels.test(line))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
