/**
 * The operator at work on a control plane of its own. It watches all namespaces, so test files must not share one:
 * the operators of two files would both act on the objects of each.
 *
 *     const plane = await startOperatorPlane();
 *     const operator = await startOperator(plane);   // in this process
 *     const child = plane.spawn('first');            // or as a process, to be killed
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Server, processesIn } from '../../../hack/control-plane/processes.ts';
import { run } from '../../../hack/control-plane/run.ts';
import { connect, type Connection } from '../../../src/kube/kubeconfig.ts';
import { seconds } from '../../../src/lib/units.ts';
import { createOperator } from '../../../src/cmd/operator/operator.ts';
import { createLogger } from '../../../src/telemetry/log.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { type KubeApi, kubeApi } from './kube-api.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
export const OPERATOR_NAMESPACE = 'virtrigaud-system';

export interface OperatorPlane extends ControlPlane {
  readonly api: KubeApi;
  /** To be done by `stop`, also when the test failed that asked for it. */
  readonly defer: (undo: () => Promise<void>) => void;
  /** Like `kubectl`, but a refusal fails the test with what kubectl said; gives the standard output. */
  readonly succeed: (args: readonly string[], options?: { readonly input?: string }) => Promise<string>;
}

/** A control plane with our CRDs and the operator's namespace, and no operator yet. */
export async function startOperatorPlane(): Promise<OperatorPlane> {
  const plane = await startControlPlane();
  const succeed: OperatorPlane['succeed'] = async (args, options) => {
    const { code, stdout, stderr } = await plane.kubectl(args, options);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')} failed: ${stderr.trim()}`);
    return stdout;
  };
  try {
    const crds = join(ROOT, 'crds');
    await succeed(['apply', '--server-side', '-f', crds]);
    await succeed(['wait', '--for=condition=Established', '--timeout=60s', '-f', crds]);
    await succeed(['create', 'namespace', OPERATOR_NAMESPACE]);
    await succeed(['apply', '-f', join(ROOT, 'deploy/kustomize/base/admission.yaml')]);
    const api = await kubeApi(plane.kubeconfig);
    const undo: (() => Promise<void>)[] = [() => plane.stop(), () => api.close()];
    const stop = async (): Promise<void> => {
      for (const step of undo.splice(0).toReversed()) await step();
    };
    return { ...plane, api, succeed, defer: (step) => void undo.push(step), stop };
  } catch (error) {
    await plane.stop();
    throw error;
  }
}

export interface RunningOperator {
  readonly leads: boolean;
  /** Ends it, and fails if it ever logged an error: it does so only for bugs. */
  readonly stop: () => Promise<void>;
}

export interface OperatorSetting {
  /** PVE_* variables. */
  readonly pve?: Readonly<Record<string, string>>;
  /** Absent: it leads at once. */
  readonly leaderElect?: boolean;
  /** What stands between it and the API server. */
  readonly through?: (connection: Connection) => Connection;
  /** An error that it may log: it does so for bugs, and when it loses its Lease. */
  readonly expected?: RegExp;
}

/** In this process, with a quicker look at the PVE cluster than in production. */
export async function startOperator(
  plane: OperatorPlane,
  { pve = {}, leaderElect = false, through = (connection) => connection, expected }: OperatorSetting = {},
): Promise<RunningOperator> {
  const errors: string[] = [];
  const destination = {
    write(line: string) {
      if (line.includes('"level":"error"') && !expected?.test(line)) errors.push(line);
    },
  };
  const connection = through(connect({ file: plane.kubeconfig }));
  const operator = await createOperator({
    connection,
    namespace: OPERATOR_NAMESPACE,
    identity: randomUUID(),
    leaderElect,
    pve,
    metrics: createMetrics({ version: 'test', commit: 'test' }),
    log: createLogger({ level: 'info', format: 'json', destination }),
    inventoryInterval: seconds(1),
  });
  const running = operator.manager.run();
  return {
    get leads() {
      return operator.manager.leading;
    },
    async stop() {
      await operator.manager.stop();
      await running;
      await operator.close();
      await connection.close();
      if (errors.length > 0) throw new Error(`the operator logged errors:\n${errors.join('')}`);
    },
  };
}

export interface OperatorProcesses {
  /** @param name of its log; one that was killed may be started again under the same name */
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
  return {
    spawn: (name, flags = []) => processes.start(name, process.execPath, [program, ...common, ...flags]),
    log: (name) => readFile(join(dir, `${name}.log`), 'utf8'),
    endAll: processes.endAll,
  };
}
