/**
 * The operator at work, either on a control plane of its own, where it watches all namespaces, or on the one that the
 * test files share, where it watches only namespaces that are its own:
 *
 *     const plane = await startOperatorPlane();        // or: await sharedOperatorPlane(5)
 *     const operator = await startOperator(plane);     // in this process
 *     const child = plane.spawn('first');              // or as a process, to be killed
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Server, processesIn } from '../../../hack/control-plane/processes.ts';
import { run } from '../../../hack/control-plane/run.ts';
import type { Connection } from '../../../src/kube/connection.ts';
import { seconds } from '../../../src/lib/units.ts';
import type { Resolve } from '../../../src/download/index.ts';
import { createOperator } from '../../../src/cmd/operator/operator.ts';
import { createLogger } from '../../../src/telemetry/log.ts';
import { createMetrics, type Metrics } from '../../../src/telemetry/metrics.ts';
import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from './control-plane.ts';
import { installOurs } from './install.ts';
import { connectionFrom, type KubeApi, kubeApi } from './kube-api.ts';
import { sharedPlane } from './shared.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
export const OPERATOR_NAMESPACE = 'virtrigaud-system';

type Kubectl = Pick<ControlPlane, 'server' | 'kubeconfig' | 'dir' | 'env' | 'kubectl'>;

export interface OperatorPlane extends Kubectl {
  readonly api: KubeApi;
  /** Of the operator: its Lease and its cluster id are there. */
  readonly operatorNamespace: string;
  /** What the operator watches; absent: all namespaces. */
  readonly namespaces?: readonly string[];
  /** A namespace that the operator watches and no other test uses. */
  readonly newNamespace: (prefix: string) => Promise<string>;
  /** Registers a step for `stop`, which also runs if the test fails. */
  readonly defer: (undo: () => Promise<void>) => void;
  /** Like `kubectl`, but a refusal fails the test with what kubectl said; gives the standard output. */
  readonly succeed: (args: readonly string[], options?: { readonly input?: string }) => Promise<string>;
  readonly stop: () => Promise<void>;
}

/** One that a test may restart or break. */
export type OwnOperatorPlane = OperatorPlane & ControlPlane;

/** A control plane with our CRDs and the operator's namespace, and no operator yet. */
export async function startOperatorPlane(
  options: Pick<ControlPlaneOptions, 'controllerManager'> = {},
): Promise<OwnOperatorPlane> {
  const plane = await startControlPlane(options);
  try {
    await installOurs(plane);
    const prepared = await operatorPlane(plane, OPERATOR_NAMESPACE);
    prepared.defer(() => plane.stop());
    const newNamespace = (prefix: string): Promise<string> => create(prepared.api, unique(prefix));
    return { ...plane, ...prepared, newNamespace };
  } catch (error) {
    await plane.stop();
    throw error;
  }
}

/**
 * The control plane that all test files share, for an operator that acts in so many namespaces and in no other:
 * `newNamespace` gives them out one by one.
 */
export async function sharedOperatorPlane(count: number): Promise<OperatorPlane> {
  const shared = sharedPlane();
  const kubectl: Kubectl['kubectl'] = (args, { input } = {}) =>
    run('kubectl', args, { env: { ...process.env, ...shared.env }, input });
  const lab = unique('lab');
  const prepared = await operatorPlane({ ...shared, kubectl }, lab);
  const namespaces = Array.from({ length: count }, (_, index) => `${lab}-${index + 1}`);
  await Promise.all(namespaces.map((name) => create(prepared.api, name)));
  const left = [...namespaces];
  return {
    ...prepared,
    namespaces,
    newNamespace() {
      const next = left.shift();
      if (next === undefined)
        throw new Error(
          `All ${count} namespaces of this file's operator are in use: ask for more, operatorAtWork({ namespaces: … }).`,
        );
      return Promise.resolve(next);
    },
  };
}

const unique = (prefix: string): string => `${prefix}-${randomBytes(4).toString('hex')}`;

async function create(api: KubeApi, namespace: string): Promise<string> {
  await api.apply(`/api/v1/namespaces/${namespace}`, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespace },
  });
  return namespace;
}

/** With the operator's namespace. */
async function operatorPlane(
  plane: Kubectl,
  operatorNamespace: string,
): Promise<Omit<OperatorPlane, 'newNamespace'>> {
  const api = await kubeApi(plane.kubeconfig);
  await create(api, operatorNamespace);
  const undo: (() => Promise<void>)[] = [() => api.close()];
  return {
    ...plane,
    api,
    operatorNamespace,
    async succeed(args, options) {
      const { code, stdout, stderr } = await plane.kubectl(args, options);
      if (code !== 0) throw new Error(`kubectl ${args.join(' ')} failed: ${stderr.trim()}`);
      return stdout;
    },
    defer: (step) => void undo.unshift(step),
    stop: async () => {
      for (const step of undo.splice(0)) await step();
    },
  };
}

export interface RunningOperator {
  readonly leads: boolean;
  /** Settles when it has ended, by itself or by `stop`. */
  readonly ended: Promise<unknown>;
  /** Ends it, and fails if it ever logged an error: it does so only for bugs. */
  readonly stop: () => Promise<void>;
}

export interface OperatorSetting {
  /** PVE_* variables. */
  readonly pve?: Readonly<Record<string, string>>;
  /** Absent: it leads at once. */
  readonly leaderElect?: boolean;
  /** Whose rights it has; absent: those of an administrator. */
  readonly kubeconfig?: string;
  /** Absent: they are thrown away. */
  readonly metrics?: Metrics;
  /** How the hosts of downloads are looked up. */
  readonly resolveDownload?: Resolve;
  /** What stands between it and the API server. */
  readonly through?: (connection: Connection) => Connection;
  /** An error that it may log: it does so for bugs, and when it loses its Lease. */
  readonly expected?: RegExp;
}

/** In this process. Tests wait for what it sees, so it looks more often than in production. */
export async function startOperator(
  plane: OperatorPlane,
  setting: OperatorSetting = {},
): Promise<RunningOperator> {
  const { pve = {}, leaderElect = false, through = (each: Connection) => each, expected } = setting;
  const errors: string[] = [];
  const destination = {
    write(line: string) {
      if (!expected?.test(line)) errors.push(line);
    },
  };
  const connection = through(await connectionFrom(setting.kubeconfig ?? plane.kubeconfig));
  const operator = await createOperator({
    connection,
    namespace: plane.operatorNamespace,
    watchNamespaces: plane.namespaces,
    identity: randomUUID(),
    leaderElect,
    pve,
    metrics: setting.metrics ?? createMetrics({ version: 'test', commit: 'test' }),
    // The tests read errors alone; what is below takes a fiftieth of the CPU time.
    log: createLogger({ level: 'error', format: 'json', destination }),
    inventoryInterval: seconds(2),
    resolveDownload: setting.resolveDownload,
  });
  const running = operator.manager.run();
  return {
    get leads() {
      return operator.manager.leading;
    },
    ended: running,
    async stop() {
      await operator.manager.stop();
      await running;
      await operator.close();
      await connection.close();
      if (errors.length > 0) throw new Error(`the operator logged errors:\n${errors.join('')}`);
    },
  };
}

/**
 * With a Lease, as its Deployment runs it: started again when it has ended, which it does where it lost the Lease to a
 * machine that stood still.
 */
export async function keepOperator(
  plane: OperatorPlane,
  setting: OperatorSetting = {},
): Promise<Omit<RunningOperator, 'ended'>> {
  const start = () => startOperator(plane, { ...setting, leaderElect: true, expected: /leadership lost/ });
  const { promise: stopping, resolve: stop } = Promise.withResolvers<'stop'>();
  let operator = await start();
  const kept = (async () => {
    for (;;) {
      const what = await Promise.race([stopping, operator.ended]);
      await operator.stop();
      if (what === 'stop') return;
      operator = await start();
    }
  })();
  return {
    get leads() {
      return operator.leads;
    },
    async stop() {
      stop('stop');
      await kept;
    },
  };
}

export interface OperatorProcesses {
  /**
   * @param name of its log, and the first part of its identity in the Lease; one that has ended may be started again
   *   under the same name
   */
  readonly spawn: (name: string, flags?: readonly string[]) => Server;
  readonly log: (name: string) => Promise<string>;
  readonly endAll: () => Promise<void>;
}

/** Bundles the operator as it is released, to be run as processes that can be killed. */
export async function operatorProcesses(plane: OperatorPlane): Promise<OperatorProcesses> {
  const dir = await mkdtemp(join(tmpdir(), 'operator-processes-'));
  const processes = processesIn(dir, true);
  const bundling = ['hack/bundle.ts', '--outdir', dir, 'operator'];
  const built = await run(process.execPath, bundling, { cwd: ROOT });
  if (built.code !== 0) {
    await processes.endAll();
    throw new Error(`the operator could not be bundled: ${built.stderr}`);
  }
  const program = join(dir, 'virtrigaud-proxmox.mjs');
  const common = ['--kubeconfig', plane.kubeconfig, '--metrics-bind-address', '127.0.0.1:0'];
  const watched = plane.namespaces ? ['--watch-namespace', plane.namespaces.join(',')] : [];
  const args = [program, ...common, ...watched];
  const env = { ...process.env, POD_NAMESPACE: plane.operatorNamespace };
  return {
    spawn: (name, flags = []) =>
      processes.start(name, process.execPath, [...args, ...flags], { ...env, POD_NAME: name }),
    log: (name) => readFile(join(dir, `${name}.log`), 'utf8'),
    endAll: processes.endAll,
  };
}
