/** Runs the operator and serves its probes, until a signal or a lost Lease ends it. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { build } from '../../lib/build.ts';
import type { Config } from './config.ts';
import { connect } from '../../kube/kubeconfig.ts';
import { createOperator } from './operator.ts';
import { startupProblem } from '../check/startup.ts';
import { createLogger } from '../../telemetry/log.ts';
import { createMetrics } from '../../telemetry/metrics.ts';
import { serveTelemetry } from '../../telemetry/server.ts';

/** @throws if there is none, as an empty token would admit nobody */
async function tokenIn(file: string): Promise<string> {
  const token = (await readFile(file, 'utf8')).trim();
  if (token === '')
    throw new Error(`--metrics-token-file: ${file} is empty. Write the token for /metrics to it.`);
  return token;
}

/** @returns the exit code */
export async function runOperator(config: Config): Promise<number> {
  const problem = await startupProblem(config.pve);
  if (problem) {
    for (const line of problem) process.stderr.write(`${line}\n`);
    return 1;
  }
  if (config.telemetry.tokenFile !== undefined) await tokenIn(config.telemetry.tokenFile);
  const log = createLogger(config.log);
  const metrics = createMetrics(build);
  const connection = connect(config.kube);
  const operator = await createOperator({
    connection,
    namespace: config.namespace,
    clusterId: config.clusterId,
    identity: `${config.podName ?? hostname()}_${randomUUID()}`,
    leaderElect: config.leaderElect,
    watchNamespaces: config.watchNamespaces,
    pve: config.pve,
    pveAllowFrom: config.pveAllowFrom,
    tasks: config.tasks,
    metrics,
    log,
  });
  const { manager } = operator;
  const { tokenFile, ...addresses } = config.telemetry;
  const telemetry = await serveTelemetry({
    ...addresses,
    // Read for each request: the file of a mounted Secret changes with the Secret.
    token: tokenFile === undefined ? undefined : () => tokenIn(tokenFile),
    registry: metrics.registry,
    alive: () => manager.alive,
    ready: () => manager.ready,
  });
  log.info({ server: connection.server, version: build.version, ports: telemetry.ports }, 'operator started');
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => {
      log.info({ signal }, 'stopping');
      void manager.stop();
    });
  const ending = await manager.run();
  // The last events are written on the connection.
  await Promise.all([operator.close(), telemetry.close()]);
  await connection.close();
  return ending === 'lost' ? 1 : 0;
}
