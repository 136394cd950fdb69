/** Wires everything: watches, connections, controllers. What the process is told comes in as data. */
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import {
  createConnectionPool,
  createProcessStates,
  createPrivilegeWatch,
  createRestartSlots,
  DRIFT_TICK,
  driftScan,
  withInUseProtection,
  exclusiveValues,
  mayBeIn,
  outcomeOf as outcomeOfPve,
  providerController,
  unsupportedController,
  virtualMachineController,
  vmClassController,
  vmImageController,
  type ConnectionPoolOptions,
} from '../../../controllers/index.ts';
import {
  Provider,
  VirtualMachine,
  VMClass,
  VMClone,
  VMImage,
  VMPlacementPolicy,
  VMSnapshot,
} from '../../api/index.ts';
import { kubeClient } from '../../kube/client.ts';
import { outcomeOfKubeError } from '../../kube/errors.ts';
import { digestKey } from '../../kube/digest-key.ts';
import { eventRecorder } from '../../kube/events.ts';
import { clusterId } from '../../kube/identity.ts';
import { indexBy } from '../../kube/index-by.ts';
import type { Connection } from '../../kube/kubeconfig.ts';
import { leaseStore } from '../../kube/lease.ts';
import { configMapReader, secretReader } from '../../kube/secrets.ts';
import { transport } from '../../kube/transport.ts';
import { watchKind, type WatchedKind } from '../../kube/watched-kind.ts';
import { digestWith } from '../../lib/hash.ts';
import { millis, vmid, type Millis, type Vmid } from '../../lib/units.ts';
import { systemClock } from '../../runtime/clock.ts';
import { controllerRunner, type Runner } from '../../runtime/controller-runner.ts';
import type { Controller, Resource } from '../../runtime/controller.ts';
import { LeaderElector } from '../../runtime/leader-election.ts';
import { Manager } from '../../runtime/manager.ts';
import type { ChangeSource, Entry, ObjectStore } from '../../runtime/object-store.ts';
import { DIGEST_KEY_SECRET, OPERATOR_NAME } from './names.ts';
import { watchOwn, watchRelated } from '../../runtime/triggers.ts';
import type { Metrics } from '../../telemetry/metrics.ts';

export interface OperatorOptions {
  readonly connection: Connection;
  /** Where the Lease and the cluster id are kept. */
  readonly namespace: string;
  /** Unique among all processes that may ever lead. */
  readonly identity: string;
  readonly leaderElect: boolean;
  /** Absent: all. References into another are refused. */
  readonly watchNamespaces?: readonly string[] | undefined;
  /** The PVE_* variables of the process. */
  readonly pve: Readonly<Record<string, string>>;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly inventoryInterval?: Millis;
  /** How tasks of Proxmox VE are waited for; absent: the defaults. */
  readonly tasks?: { readonly maxGap: Millis; readonly overdueAfter: Millis };
}

export interface Operator {
  readonly manager: Manager;
  /** Ends the connections to Proxmox VE; to be called when the manager has come to its end. */
  close(): Promise<void>;
}

/** Passes mostly wait for Proxmox VE; the requests themselves are capped a node. */
const VM_WORKERS = 64;
const WORKERS = 4;

const keyOf = ({ namespace, name }: { readonly namespace: string; readonly name: string }): string =>
  `${namespace}/${name}`;

/** A reference of an object in `namespace`, as a key. */
const refKey = (
  namespace: string,
  ref: { readonly name: string; readonly namespace?: string | undefined },
): string => `${ref.namespace ?? namespace}/${ref.name}`;

export async function createOperator(options: OperatorOptions): Promise<Operator> {
  const { connection, metrics, log } = options;
  const clock = systemClock;
  const now = (): number => clock.now().getTime();
  const client = kubeClient(transport(connection, clock));
  const watch = {
    client,
    clock,
    random: Math.random,
    log,
    onWatchRestart: (kind: string) => metrics.watchRestarted(kind),
    namespaces: options.watchNamespaces,
  };
  const kinds = {
    provider: watchKind(Provider, watch),
    vm: watchKind(VirtualMachine, watch),
    vmClass: watchKind(VMClass, watch),
    image: watchKind(VMImage, watch),
    snapshot: watchKind(VMSnapshot, watch),
    clone: watchKind(VMClone, watch),
    policy: watchKind(VMPlacementPolicy, watch),
  };
  const vms = kinds.vm.cache;
  const vmsBy = {
    provider: indexBy(vms, ({ metadata, spec }) => [refKey(metadata.namespace, spec.providerRef)]),
    vmClass: indexBy(vms, ({ metadata, spec }) => [refKey(metadata.namespace, spec.classRef)]),
    image: indexBy(vms, ({ metadata, spec }) =>
      spec.imageRef ? [refKey(metadata.namespace, spec.imageRef)] : [],
    ),
    vmid: indexBy(vms, ({ status }) => (status?.vmid === undefined ? [] : [String(status.vmid)])),
    uid: indexBy(vms, ({ metadata }) => [metadata.uid]),
    exclusive: indexBy(vms, exclusiveValues),
  };
  const secrets = secretReader(client, clock);
  const configMaps = configMapReader(client, clock);
  const processStates = createProcessStates();
  const enqueueVm = (uid: string): void => {
    for (const key of vmsBy.uid.keys(uid)) vmRunner.queue.add(key);
  };
  /** Numbers that VMs may have in this PVE cluster: where a Provider's cluster is not known, its VMs count too. */
  const claimedIn: ConnectionPoolOptions['claimedIn'] = (cluster) => {
    const isIn = new Map<string, boolean>();
    const countsHere = (key: string): boolean => {
      const [namespace = '', name = ''] = key.split('/');
      const known =
        isIn.get(key) ?? mayBeIn(kinds.provider.cache.get(namespace, name)?.status?.clusterID, cluster);
      isIn.set(key, known);
      return known;
    };
    return claimedVmids(vms.list().filter((vm) => countsHere(providerOf(vm))));
  };
  const pool = createConnectionPool({
    claimedIn,
    claimedThrough: (provider) => claimedVmids(vmsBy.provider.objects(provider)),
    onRequest: ({ method, route, code, ms }) =>
      metrics.pveCallEnded({ method, route, code, duration: millis(ms) }),
    onGuestsChanged(providers, vmids) {
      for (const number of vmids)
        for (const vm of vmsBy.vmid.objects(String(number)))
          if (providers.has(providerOf(vm))) vmRunner.queue.add(keyOf(vm.metadata));
    },
    onConnectionChanged(providers) {
      for (const key of providers) providerRunner.queue.add(key);
    },
    // Those that had none, or were refused with the old credentials, would wait for a while.
    onConnected(provider) {
      for (const key of vmsBy.provider.keys(provider)) vmRunner.queue.add(key);
      for (const { metadata } of kinds.image.cache.list()) imageRunner.queue.add(keyOf(metadata));
    },
    onSlotFree: enqueueVm,
    now,
    tasks: options.tasks,
    ...(options.inventoryInterval !== undefined && { inventoryInterval: options.inventoryInterval }),
  });

  const events = eventRecorder({ client, clock, log, instance: options.identity });
  const run = <O extends Resource, Status extends object>(
    watched: { readonly kind: string; readonly store: ObjectStore<O>; readonly cache: ChangeSource<O> },
    controller: Controller<O, Status>,
    workers = WORKERS,
  ): Runner => {
    const runner = controllerRunner({
      kind: watched.kind,
      controller,
      store: watched.store,
      events,
      log,
      clock,
      random: Math.random,
      workers,
      outcomeOf: (error) => outcomeOfPve(error) ?? outcomeOfKubeError(error),
      onPass: (pass) => metrics.passEnded(pass),
      passId: () => randomUUID().slice(0, 8),
    });
    watchOwn(watched.cache, runner.queue);
    metrics.addRunner(runner);
    return runner;
  };

  const providerRunner = run(
    kinds.provider,
    providerController({
      pool,
      privileges: createPrivilegeWatch(now),
      process: options.pve,
      usersOf: (namespace, name) => vmsBy.provider.objects(`${namespace}/${name}`),
      claimedIn,
      watches: (namespace) => options.watchNamespaces?.includes(namespace) ?? true,
      readSecret: (namespace, name) => secrets.get(namespace, name),
      readConfigMap: (namespace, name) => configMaps.get(namespace, name),
    }),
  );
  const restartSlots = createRestartSlots({
    now,
    wake(uid) {
      processStates.invalidate(uid);
      enqueueVm(uid);
    },
  });
  const vmRunner = run(
    kinds.vm,
    virtualMachineController({
      clusterId: await clusterId(client, { namespace: options.namespace, name: OPERATOR_NAME }),
      providers: kinds.provider.cache,
      classes: kinds.vmClass.cache,
      images: kinds.image.cache,
      connections: pool,
      readSecret: (namespace, name) => secrets.get(namespace, name),
      digest: digestWith(await digestKey(client, { namespace: options.namespace, name: DIGEST_KEY_SECRET })),
      addressed: (value) => vmsBy.exclusive.objects(value),
      vmsOfClass: (namespace, name) => vmsBy.vmClass.objects(`${namespace}/${name}`),
      restartSlots,
      processStates,
      enqueue: enqueueVm,
      now,
    }),
    VM_WORKERS,
  );
  const imageRunner = run(
    kinds.image,
    withInUseProtection(
      'VMImage',
      vmImageController({ providers: kinds.provider.cache, connections: pool }),
      (...at) => vmsBy.image.objects(at.join('/')),
    ),
  );
  const classRunner = run(
    kinds.vmClass,
    withInUseProtection('VMClass', vmClassController(), (...at) => vmsBy.vmClass.objects(at.join('/'))),
  );
  const runners = [
    providerRunner,
    vmRunner,
    classRunner,
    imageRunner,
    run(kinds.snapshot, unsupportedController('VMSnapshot', 'no snapshot is taken')),
    run(kinds.clone, unsupportedController('VMClone', 'nothing is cloned')),
    run(
      kinds.policy,
      unsupportedController('VMPlacementPolicy', 'it does not influence where VMs are placed'),
    ),
  ];

  // A VM follows what it refers to; a Provider that is being deleted waits for its VMs.
  watchRelated(kinds.provider.cache, vmRunner.queue, ({ key }) => vmsBy.provider.keys(key));
  watchRelated(kinds.vmClass.cache, vmRunner.queue, ({ key }) => vmsBy.vmClass.keys(key));
  watchRelated(kinds.image.cache, vmRunner.queue, ({ key }) => vmsBy.image.keys(key));
  watchRelated(kinds.provider.cache, imageRunner.queue, () =>
    kinds.image.cache.list().map(({ metadata }) => keyOf(metadata)),
  );
  // One that waits for an address follows who has it.
  watchRelated(vms, vmRunner.queue, ({ key, object, salvaged = object }) =>
    (salvaged ? exclusiveValues(salvaged) : [])
      .flatMap((value) => vmsBy.exclusive.keys(value))
      .filter((other) => other !== key),
  );
  // Classes and images are held while VMs use them.
  vms.onChange((_key, before, after) => {
    if (before && after && useOf(before) === useOf(after)) return;
    for (const { metadata, object } of [before, after].filter((entry) => entry !== undefined)) {
      if (!object) continue;
      classRunner.queue.add(refKey(metadata.namespace, object.spec.classRef));
      if (object.spec.imageRef) imageRunner.queue.add(refKey(metadata.namespace, object.spec.imageRef));
    }
  });
  vms.onChange((_key, before, after) => {
    if (before && before.metadata.uid !== after?.metadata.uid) {
      processStates.forget(before.metadata.uid);
      restartSlots.forget(before.metadata.uid);
      pool.release(before.metadata.uid);
    }
    if (before?.object && !after)
      providerRunner.queue.add(refKey(before.metadata.namespace, before.object.spec.providerRef));
  });

  const scanning = setInterval(
    () =>
      driftScan({
        processStates,
        now,
        enqueue: enqueueVm,
      }),
    DRIFT_TICK,
  );
  const watchers: readonly WatchedKind<never, never>['watcher'][] = Object.values(kinds).map(
    ({ watcher }) => watcher,
  );
  const manager = new Manager({
    watchers,
    runners,
    clock,
    log,
    onLeading: (leads) => metrics.setLeader(leads),
    elector: options.leaderElect
      ? new LeaderElector({
          store: leaseStore(kubeClient(transport(connection, clock, 'lease')), {
            namespace: options.namespace,
            name: OPERATOR_NAME,
          }),
          identity: options.identity,
          clock,
          log,
        })
      : undefined,
  });
  return {
    manager,
    async close() {
      clearInterval(scanning);
      await Promise.all([pool.closeAll(), events.flush()]);
    },
  };
}

/** Changes when a VM may come to use, or no longer need, another class or image. */
const useOf = ({ metadata }: Entry<VirtualMachine>): string =>
  `${metadata.uid} ${metadata.generation} ${metadata.deletionTimestamp ?? ''}`;

const providerOf = ({ metadata, spec }: Pick<VirtualMachine, 'metadata' | 'spec'>): string =>
  refKey(metadata.namespace, spec.providerRef);

const claimedVmids = (vms: readonly VirtualMachine[]): ReadonlySet<Vmid> =>
  new Set(vms.flatMap(({ status }) => (status?.vmid === undefined ? [] : [vmid(status.vmid)])));
