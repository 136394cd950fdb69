/** The program: reads what it is told, starts the operator, serves its probes, and ends in good order. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { pveVariables, readConfig, type Config, type ConfigResult } from './config.ts';
import { connect } from '../../kube/kubeconfig.ts';
import { createOperator } from './operator.ts';
import { runCheck } from '../check/check.ts';
import { startupProblem } from '../check/startup.ts';
import { createLogger } from '../../telemetry/log.ts';
import { createMetrics } from '../../telemetry/metrics.ts';
import { serveTelemetry } from '../../telemetry/server.ts';

const USAGE = 2;

/** Filled in by the bundle; run from its sources the program is a development build. */
declare const VIRTRIGAUD_VERSION: string | undefined;
declare const VIRTRIGAUD_COMMIT: string | undefined;
const build = {
  version: typeof VIRTRIGAUD_VERSION === 'undefined' ? 'dev' : VIRTRIGAUD_VERSION,
  commit: typeof VIRTRIGAUD_COMMIT === 'undefined' ? 'unknown' : VIRTRIGAUD_COMMIT,
};

/** @returns the exit code */
async function run(config: Config): Promise<number> {
  const problem = await startupProblem(config.pve);
  if (problem) {
    for (const line of problem) process.stderr.write(`${line}\n`);
    return 1;
  }
  const log = createLogger(config.log);
  const metrics = createMetrics(build);
  const connection = connect(config.kube);
  const operator = await createOperator({
    connection,
    namespace: config.namespace,
    identity: `${config.podName ?? hostname()}_${randomUUID()}`,
    leaderElect: config.leaderElect,
    watchNamespaces: config.watchNamespaces,
    pve: config.pve,
    tasks: config.tasks,
    metrics,
    log,
  });
  const { manager } = operator;
  const telemetry = await serveTelemetry({
    ...config.telemetry,
    registry: metrics.registry,
    alive: () => manager.alive,
    ready: () => manager.ready,
  });
  log.info({ server: connection.server, version: build.version, port: telemetry.port }, 'operator started');
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => {
      log.info({ signal }, 'stopping');
      void manager.stop();
    });
  const ending = await manager.run();
  await Promise.all([operator.close(), telemetry.close(), connection.close()]);
  return ending === 'lost' ? 1 : 0;
}

const args = process.argv.slice(2);
if (args[0] === 'check') {
  const { code, out, err } = await runCheck(args.slice(1), pveVariables(process.env));
  process.stderr.write(err);
  process.stdout.write(out, () => process.exit(code));
} else start(readConfig(args));

function start(result: ConfigResult): void {
  switch (result.kind) {
    case 'help':
      process.stdout.write(result.text);
      break;
    case 'version':
      process.stdout.write(`virtrigaud-proxmox ${build.version} (${build.commit})\n`);
      break;
    case 'faulty':
      for (const fault of result.faults) process.stderr.write(`ERROR ${fault}\n`);
      process.exit(USAGE);
      break;
    case 'run':
      run(result.config).then(
        (code) => process.exit(code),
        (error: unknown) => {
          process.stderr.write(`ERROR ${error instanceof Error ? error.message : String(error)}\n`);
          process.exit(1);
        },
      );
      break;
    default:
      result satisfies never;
  }
}
