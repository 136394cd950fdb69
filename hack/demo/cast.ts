/** Starts and stops the components of the demo: an API server, a fake Proxmox VE and the operator. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { startFakePve, type FakePve, type FakePveOptions } from '../../test/fakepve/index.ts';
import { type ControlPlane, startControlPlane } from '../control-plane/index.ts';
import { run } from '../control-plane/run.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const CLUSTER = join(ROOT, 'test/fakepve/clusters/document.yaml');
const BUNDLE = join(ROOT, 'dist/virtrigaud-proxmox.mjs');
/** The port in the samples. If it is in use, the demo chooses another one and changes the samples. */
const PVE_PORT = 8006;

export interface Cast {
  readonly plane: ControlPlane;
  readonly fake: FakePve;
  /** The process that runs now. */
  readonly operator: ChildProcess;
  readonly operatorLog: string;
  readonly metricsUrl: string;
  /** From the start of the process until it says it is ready. */
  readonly readyAfterMs: number;
  /** The end of the operator's log. */
  lastLines(count: number): Promise<string>;
  /** Starts the operator again after it has ended. */
  restartOperator(): Promise<void>;
  stop(): Promise<void>;
}

export async function startCast(options: {
  readonly requestsFile: string | undefined;
  readonly say: (line: string) => void;
  /** Where it differs from the demo's. */
  readonly pve?: Pick<FakePveOptions, 'cluster' | 'latency'>;
  readonly logFormat?: 'json';
  /** Ends the start where it is, and leaves nothing behind. */
  readonly signal?: AbortSignal;
}): Promise<Cast> {
  const { say, signal } = options;
  const dir = await mkdtemp(join(tmpdir(), 'virtrigaud-demo-'));
  const undo: (() => Promise<unknown>)[] = [() => rm(dir, { recursive: true, force: true })];
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).toReversed()) await step();
  };
  try {
    const plane = await startControlPlane({ log: say });
    undo.push(() => plane.stop());
    signal?.throwIfAborted();
    say(`API server: ${plane.server}`);
    const fake = await startFakePve({
      cluster: CLUSTER,
      port: (await isFree(PVE_PORT)) ? PVE_PORT : 0,
      ...(options.requestsFile !== undefined && { requestsFile: options.requestsFile }),
      ...options.pve,
    });
    undo.push(() => fake.close());
    signal?.throwIfAborted();
    say(`fake Proxmox VE: ${fake.url} (3 nodes, template 9000 "ubuntu-22-template")`);
    const built = await run('node', [join(ROOT, 'hack/bundle.ts'), 'operator'], { cwd: ROOT });
    if (built.code !== 0) throw new Error(`the operator could not be bundled: ${built.stderr}`);
    signal?.throwIfAborted();
    await install(plane);
    const operatorLog = join(dir, 'operator.log');
    const metricsPort = await freePort();
    const ca = join(dir, 'pve-ca.pem');
    await writeFile(ca, fake.ca);
    const startedAt = performance.now();
    const { logFormat } = options;
    const start = () => startOperator({ plane, fake, ca, operatorLog, metricsPort, logFormat });
    let operator = await start();
    undo.push(() => ended(operator, 'SIGTERM'));
    signal?.throwIfAborted();
    say(`operator: process ${operator.pid ?? 0}, log in ${operatorLog}`);
    const lastLines = async (count: number): Promise<string> =>
      (await readFile(operatorLog, 'utf8')).split('\n').slice(-count).join('\n');
    const metricsUrl = `http://127.0.0.1:${metricsPort}`;
    const exited = once(operator, 'exit').then(() => {
      throw new Error('The operator exited during its start.');
    });
    await Promise.race([untilReady(metricsUrl), exited]);
    const readyAfterMs = performance.now() - startedAt;
    exited.catch(() => undefined);
    return {
      plane,
      fake,
      get operator() {
        return operator;
      },
      operatorLog,
      metricsUrl,
      readyAfterMs,
      lastLines,
      async restartOperator() {
        operator = await start();
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function install(plane: ControlPlane): Promise<void> {
  const crds = join(ROOT, 'crds');
  for (const args of [
    ['apply', '--server-side', '-f', crds],
    ['wait', '--for=condition=Established', '--timeout=60s', '-f', crds],
    ['create', 'namespace', 'virtrigaud-system'],
    ['apply', '-f', join(ROOT, 'deploy/kustomize/base/admission.yaml')],
  ]) {
    const { code, stderr } = await plane.kubectl(args);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')} failed: ${stderr}`);
  }
}

async function startOperator(options: {
  readonly plane: ControlPlane;
  readonly fake: FakePve;
  readonly ca: string;
  readonly operatorLog: string;
  readonly metricsPort: number;
  readonly logFormat: 'json' | undefined;
}): Promise<ChildProcess> {
  const { plane, fake, ca, operatorLog, metricsPort } = options;
  const log = await open(operatorLog, 'a');
  const child = spawn(
    process.execPath,
    ['--max-semi-space-size=16', BUNDLE, '--metrics-bind-address', `127.0.0.1:${metricsPort}`],
    {
      stdio: ['ignore', log.fd, log.fd],
      env: {
        ...process.env,
        ...plane.env,
        // The fake creates a new certificate at each start. The CA of a real cluster would be in the Secret (ca.crt).
        NODE_EXTRA_CA_CERTS: ca,
        LOG_FORMAT: options.logFormat ?? 'text',
        // In a cluster the Deployment reads these from the Secret of 03-credentials-env-keys.yaml.
        PVE_ENDPOINT: `${fake.url}/api2`,
        PVE_TOKEN_ID: 'virtrigaud@pve!vrtg-token',
        PVE_TOKEN_SECRET: 'xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx',
      },
    },
  );
  await log.close();
  return child;
}

async function untilReady(metricsUrl: string): Promise<void> {
  for (;;) {
    const ready = await fetch(`${metricsUrl}/readyz`)
      .then(({ ok }) => ok)
      .catch(() => false);
    if (ready) return;
    await sleep(20);
  }
}

/** Ends a process and waits until it has gone. */
export async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise<void>((resolve_) => {
    child.once('exit', () => resolve_());
    child.kill(signal);
  });
}

function portOn(port: number): Promise<number | undefined> {
  return new Promise((resolve_) => {
    const server = createServer();
    server.once('error', () => resolve_(undefined));
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve_(typeof address === 'object' && address ? address.port : undefined));
    });
  });
}

const isFree = async (port: number): Promise<boolean> => (await portOn(port)) !== undefined;

export async function freePort(): Promise<number> {
  const port = await portOn(0);
  if (port === undefined) throw new Error('no free port on 127.0.0.1');
  return port;
}
