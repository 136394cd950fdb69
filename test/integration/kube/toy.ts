/** A kind and a controller of the tests' own: a Toy asks for a file of some size in a folder outside Kubernetes. */
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { z } from 'zod';
import { kind } from '../../../src/api/kind.ts';
import { clusterId } from '../../../src/kube/identity.ts';
import { kubeClient } from '../../../src/kube/client.ts';
import { outcomeOfKubeError } from '../../../src/kube/errors.ts';
import { eventRecorder } from '../../../src/kube/events.ts';
import { connect } from '../../../src/kube/kubeconfig.ts';
import { leaseStore } from '../../../src/kube/lease.ts';
import type { ResourceOf } from '../../../src/kube/parse.ts';
import { transport } from '../../../src/kube/transport.ts';
import { watchKind } from '../../../src/kube/watched-kind.ts';
import { seconds } from '../../../src/lib/units.ts';
import { systemClock as clock } from '../../../src/runtime/clock.ts';
import { controllerRunner } from '../../../src/runtime/controller-runner.ts';
import type { Controller } from '../../../src/runtime/controller.ts';
import { LeaderElector } from '../../../src/runtime/leader-election.ts';
import { Manager } from '../../../src/runtime/manager.ts';
import { progressed, released, settled, stalled } from '../../../src/runtime/outcome.ts';
import { watchOwn } from '../../../src/runtime/triggers.ts';

const spec = z.object({ size: z.int().min(1), note: z.string().default('none') });
const status = z.object({ size: z.int().optional(), cluster: z.string().optional() });

export const Toy = kind({
  kind: 'Toy',
  plural: 'toys',
  singular: 'toy',
  shortNames: [],
  description: 'A file.',
  spec,
  status,
  columns: [],
});
export type Toy = ResourceOf<typeof spec, typeof status>;
export const FINALIZER = 'toy.infra.virtrigaud.io/finalizer';

/** As loose as a CRD of an older version might be: it lets through what the schema above refuses. */
const TOY_CRD = JSON.stringify({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'toys.infra.virtrigaud.io' },
  spec: {
    group: 'infra.virtrigaud.io',
    names: { kind: 'Toy', plural: 'toys', singular: 'toy', listKind: 'ToyList' },
    scope: 'Namespaced',
    versions: [
      {
        name: 'v1beta1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
});

export async function installToys(
  succeed: (args: readonly string[], options?: { readonly input?: string }) => Promise<unknown>,
): Promise<void> {
  await succeed(['apply', '-f', '-'], { input: TOY_CRD });
  await succeed(['wait', '--for=condition=Established', 'crd/toys.infra.virtrigaud.io']);
}

export const toy = (name: string, namespace: string, rest: object = { spec: { size: 1 } }) => ({
  apiVersion: 'infra.virtrigaud.io/v1beta1',
  kind: 'Toy',
  metadata: { name, namespace },
  ...rest,
});

/** For kubectl. */
export const aToy = (...args: Parameters<typeof toy>): string => JSON.stringify(toy(...args));

/** Where the API server keeps a Toy, or all of a namespace. */
export const toyPath = (namespace: string, name?: string): string =>
  `/apis/infra.virtrigaud.io/v1beta1/namespaces/${namespace}/toys${name === undefined ? '' : `/${name}`}`;

/** Two steps to make a file and one to remove it, with the size written down before the file is. */
export function toyController(folder: string, cluster: string): Controller<Toy, z.output<typeof status>> {
  const file = ({ metadata }: Toy) => join(folder, `${metadata.namespace}.${metadata.name}`);
  return {
    name: 'toy',
    finalizer: FINALIZER,
    async reconcile(toy, pass) {
      if (pass.deleting) {
        await rm(file(toy), { force: true });
        return { outcome: released, status: toy.status ?? {} };
      }
      const { size } = toy.spec;
      if (size > 1000) return { outcome: stalled('TooLarge', 'Choose a size of at most 1000.'), status: {} };
      if (toy.status?.size !== size)
        return { outcome: progressed('Reserved', 'The size is written down.'), status: { size, cluster } };
      const made = existsSync(file(toy)) ? Number(await readFile(file(toy), 'utf8')) : 0;
      if (made === size) return { outcome: settled(), status: { size, cluster } };
      await writeFile(file(toy), String(size));
      const events = [{ type: 'Normal', reason: 'Made', message: `The file has ${size} bytes.` }] as const;
      return { outcome: progressed('Made', 'The file is made.'), status: { size, cluster }, events };
    },
  };
}

export interface ToyOperatorOptions {
  readonly kubeconfig: string;
  readonly folder: string;
  readonly identity: string;
  readonly namespace: string;
  /** No other operator runs, so it leads without a lease, which a long outage would take from it. */
  readonly alone?: true;
  readonly onWatchRestart?: () => void;
  readonly log?: (line: string) => void;
}

/** The whole operator as main wires it, for this one kind. */
export async function toyOperator(options: ToyOperatorOptions) {
  const { kubeconfig, folder, identity, namespace } = options;
  const log = pino({ level: 'debug' }, { write: options.log ?? (() => undefined) });
  const connection = connect({ file: kubeconfig });
  const client = kubeClient(transport(connection, clock));
  const cluster = await clusterId(client, { namespace, name: 'toy-operator' });
  const deps = {
    client,
    clock,
    random: Math.random,
    log,
    onWatchRestart: options.onWatchRestart ?? (() => undefined),
  };
  const toys = watchKind(Toy, deps);
  const events = eventRecorder({ client, clock, log, instance: identity });
  const runner = controllerRunner({
    kind: 'Toy',
    controller: toyController(folder, cluster),
    store: toys.store,
    events,
    log,
    clock,
    random: Math.random,
    workers: 4,
    outcomeOf: outcomeOfKubeError,
    onPass: () => undefined,
    passId: () => 'pass',
  });
  watchOwn(toys.cache, runner.queue);
  const timing = { lease: seconds(4), renewDeadline: seconds(3), retryPeriod: seconds(0.5) };
  const store = leaseStore(client, { namespace, name: 'toy-operator' });
  const elector = new LeaderElector({ store, identity, clock, log, timing });
  const manager = new Manager({
    watchers: [toys.watcher],
    runners: [runner],
    elector: options.alone ? undefined : elector,
    clock,
    log,
    onLeading: () => undefined,
  });
  const running = manager.run();
  return {
    manager,
    runner,
    running,
    toys,
    client,
    cluster,
    async stop() {
      await manager.stop();
      await events.flush();
      await connection.close();
    },
  };
}
