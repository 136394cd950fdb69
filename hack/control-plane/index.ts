/** A real Kubernetes control plane without containers: etcd and kube-apiserver as processes, for tests and the demo. */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve as absolute } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { ensureBinaries } from './binaries.ts';
import {
  type Layout,
  apiServerFlags,
  controllerManagerFlags,
  etcdFlags,
  files,
  kubectlMemory,
  serverMemory,
  serverUrl,
} from './flags.ts';
import { type Processes, type Server, freePort, processesIn } from './processes.ts';
import { type Finished, type RunOptions, run } from './run.ts';
import { BASE_BINARIES, type BinaryName, type Log } from './versions.ts';

export { ensureBinaries } from './binaries.ts';
export type { Finished, RunOptions } from './run.ts';

export interface ControlPlaneOptions {
  /** Folder for data and logs; kept afterwards. Without it: a temporary folder, removed by `stop`. */
  readonly dir?: string;
  readonly log?: Log;
  /** Starts kube-controller-manager too: needed if namespaces must really be deleted, or garbage collected. */
  readonly controllerManager?: boolean;
}

export interface ControlPlane {
  readonly server: string;
  /** Path of a kubeconfig of a cluster administrator. */
  readonly kubeconfig: string;
  readonly dir: string;
  /** KUBECONFIG and a PATH on which the fitting kubectl comes first; to be merged over `process.env`. */
  readonly env: Readonly<Record<string, string>>;
  /** Process ids by name; `kube-apiserver` changes with a restart. */
  readonly pids: () => Readonly<Record<string, number>>;
  /** Runs kubectl; a refusal is an exit code, not an exception. */
  readonly kubectl: (args: readonly string[], options?: Pick<RunOptions, 'input'>) => Promise<Finished>;
  /** Ends kube-apiserver, lets `whileDown` happen, starts it again on the same port and waits until it is ready. */
  readonly restartApiServer: (whileDown?: () => Promise<void>) => Promise<void>;
  readonly stop: () => Promise<void>;
}

const READY_WITHIN_MS = 180_000;
const ATTEMPTS = 3;

/**
 * Starts a control plane and waits until it is ready: about 3 seconds, minutes where the binaries must be built first.
 * It ends with `stop`, and with this process however that ends.
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const log = options.log ?? (() => undefined);
  const controllerManager = options.controllerManager ?? false;
  const names: readonly BinaryName[] = controllerManager
    ? [...BASE_BINARIES, 'kube-controller-manager']
    : BASE_BINARIES;
  const binaries = await ensureBinaries(log, names);
  log(`control plane: binaries from ${binaries.source}`);

  for (let attempt = 1; ; attempt += 1) {
    const dir =
      options.dir === undefined ? await mkdtemp(join(tmpdir(), 'control-plane-')) : absolute(options.dir);
    const processes = processesIn(dir, options.dir === undefined);
    try {
      return await start(await layoutIn(dir, controllerManager), binaries.paths, processes);
    } catch (error) {
      await processes.endAll();
      // Between choosing a free port and listening on it, someone else may take it.
      if (!String(error).includes('address already in use') || attempt === ATTEMPTS) throw error;
    }
  }
}

async function layoutIn(dir: string, controllerManager: boolean): Promise<Layout> {
  const [etcd, etcdPeer, apiServer, manager] = await Promise.all([
    freePort(),
    freePort(),
    freePort(),
    freePort(),
  ]);
  return { dir, ports: { etcd, etcdPeer, apiServer, controllerManager: manager }, controllerManager };
}

async function start(
  layout: Layout,
  paths: Partial<Record<BinaryName, string>>,
  processes: Processes,
): Promise<ControlPlane> {
  const { dir } = layout;
  const { kubeconfig, tokens, serviceAccountKey, certificates, servingCertificate } = files(dir);
  const path = (name: BinaryName) => paths[name]!;
  const token = randomUUID();
  await mkdir(certificates, { recursive: true });
  await writeFile(tokens, `${token},admin,admin,"system:masters"\n`, { mode: 0o600 });
  await writeFile(serviceAccountKey, newPrivateKey(), { mode: 0o600 });

  const startServer = (name: BinaryName, flags: readonly string[]) =>
    processes.start(name, path(name), flags, { ...process.env, ...serverMemory });
  const etcd = startServer('etcd', etcdFlags(layout));
  const startApiServer = () => startServer('kube-apiserver', apiServerFlags(layout));
  let apiServer = startApiServer();
  await ready(layout, token, [etcd, apiServer]);
  await writeFile(kubeconfig, kubeconfigFor(serverUrl(layout), token, readFileSync(servingCertificate)), {
    mode: 0o600,
  });

  const env = {
    KUBECONFIG: kubeconfig,
    KUBECACHEDIR: join(dir, 'kubectl-cache'),
    PATH: `${dirname(path('kubectl'))}${delimiter}${process.env['PATH'] ?? ''}`,
    ...kubectlMemory,
  };
  const kubectl: ControlPlane['kubectl'] = (args, { input } = {}) =>
    run(path('kubectl'), args, { env: { ...process.env, ...env }, input });
  const manager = layout.controllerManager
    ? startServer('kube-controller-manager', controllerManagerFlags(layout))
    : undefined;
  if (manager !== undefined) await controllersRun(manager, kubectl);

  return {
    server: serverUrl(layout),
    kubeconfig,
    dir,
    env,
    kubectl,
    pids: () => ({
      etcd: etcd.pid,
      'kube-apiserver': apiServer.pid,
      ...(manager === undefined ? {} : { 'kube-controller-manager': manager.pid }),
    }),
    restartApiServer: async (whileDown) => {
      await apiServer.end('SIGTERM');
      await whileDown?.();
      apiServer = startApiServer();
      await ready(layout, token, [etcd, apiServer]);
    },
    stop: () => processes.endAll(),
  };
}

function newPrivateKey(): string {
  // An RSA key would take a hundred times as long to find.
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'sec1', format: 'pem' }).toString();
}

function kubeconfigFor(server: string, token: string, authority: Buffer): string {
  const name = 'virtrigaud-test';
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, 'certificate-authority-data': authority.toString('base64') } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  });
}

/** Waits until the API server is ready; fails at once, with the end of its log, when a process ends. */
async function ready(layout: Layout, token: string, servers: readonly Server[]): Promise<void> {
  await until(servers, 'the API server did not become ready', async () => {
    const { servingCertificate } = files(layout.dir);
    return (
      existsSync(servingCertificate) &&
      (await statusOf(`${serverUrl(layout)}/readyz`, token, servingCertificate)) === 200
    );
  });
}

/** The service account of a namespace is the first thing that shows that controllers are at work. */
async function controllersRun(manager: Server, kubectl: ControlPlane['kubectl']): Promise<void> {
  await until([manager], 'the controller manager did not start its controllers', async () => {
    const { code } = await kubectl(['get', 'serviceaccount', 'default', '--namespace=default']);
    return code === 0;
  });
}

async function until(
  servers: readonly Server[],
  failure: string,
  condition: () => Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS;
  while (!(await condition())) {
    const ended = servers.find((server) => !server.running());
    if (ended !== undefined)
      throw new Error(`${ended.name} ended at its start. The end of its log:\n${ended.logTail()}`);
    if (performance.now() > deadline) {
      const logs = servers.map((server) => `${server.name}:\n${server.logTail()}`).join('\n');
      throw new Error(`${failure} within ${READY_WITHIN_MS / 1000} s. The ends of the logs:\n${logs}`);
    }
    await sleep(100);
  }
}

function statusOf(url: string, token: string, authority: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const sent = request(url, {
      ca: readFileSync(authority),
      headers: { authorization: `Bearer ${token}` },
      agent: false,
      timeout: 5_000,
    });
    sent.on('response', (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    sent.on('timeout', () => sent.destroy());
    sent.on('error', () => resolve(undefined));
    sent.end();
  });
}
