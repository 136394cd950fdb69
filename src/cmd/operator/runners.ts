/** A runner for each kind of the registry. */
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import {
  KIND_NAMES,
  outcomeOf as outcomeOfPve,
  REGISTRY,
  type ControllerPorts,
  type KindName,
  type Objects,
} from '../../../controllers/index.ts';
import { outcomeOfKubeError } from '../../kube/errors.ts';
import type { Clock } from '../../runtime/clock.ts';
import { controllerRunner, type Runner } from '../../runtime/controller-runner.ts';
import type { EventSink } from '../../runtime/object-store.ts';
import { watchOwn } from '../../runtime/triggers.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import type { Queues } from './queues.ts';
import type { Watched, Watches } from './watches.ts';

const WORKERS = 16;

export interface RunnerDeps {
  readonly watches: Watches;
  readonly queues: Queues;
  readonly events: EventSink;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Logger;
}

export const createRunners = (ports: ControllerPorts, deps: RunnerDeps): readonly Runner[] =>
  KIND_NAMES.map((kind) => createRunner(kind, deps.watches[kind], ports, deps));

function createRunner<K extends KindName>(
  kind: K,
  { store, cache }: Watched<Objects[K]>,
  ports: ControllerPorts,
  { queues, events, clock, metrics, log }: RunnerDeps,
): Runner {
  const { controller, groups, workers = WORKERS } = REGISTRY[kind];
  const groupsOf = (key: string): readonly string[] => {
    const [namespace = '', name = ''] = key.split('/');
    const object = groups && cache.get(namespace, name);
    return object ? groups(object) : [namespace];
  };
  const runner = controllerRunner<Objects[K], object>({
    kind,
    controller: controller(ports),
    store,
    events,
    log,
    clock,
    random: Math.random,
    workers,
    groupsOf,
    outcomeOf: (error) => outcomeOfPve(error) ?? outcomeOfKubeError(error),
    onPass: (pass) => metrics.passEnded(pass),
    passId: () => randomUUID().slice(0, 8),
  });
  watchOwn(cache, runner.queue);
  metrics.addRunner(runner);
  queues.set(kind, runner.queue);
  return runner;
}
