/** Wires the operator: watches, connections, and a controller for each kind of the registry. Its settings come in as data. */
import type { Logger } from 'pino';
import { createForceDeleted, KIND_NAMES } from '../../../controllers/index.ts';
import { kubeClient } from '../../kube/client.ts';
import { eventRecorder } from '../../kube/events.ts';
import type { Connection } from '../../kube/connection.ts';
import { leaseStore } from '../../kube/lease.ts';
import { transport } from '../../kube/transport.ts';
import { systemClock as clock } from '../../runtime/clock.ts';
import { LeaderElector } from '../../runtime/leader-election.ts';
import { Manager } from '../../runtime/manager.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { claimsOf, reservationsOf } from './claims.ts';
import { indexClones } from './clones.ts';
import { createConnections, type ConnectionSettings } from './connections.ts';
import { scanForDrift, scanSnapshots } from './drift-scan.ts';
import { createFinishing, sweepCopies } from './finishing.ts';
import { forgetGoneProviders, forgetGoneSnapshots, forgetGoneVms } from './forget.ts';
import { indexSnapshots, indexVms } from './indexes.ts';
import { OPERATOR_NAME } from './names.ts';
import { createNamespaces } from './namespaces.ts';
import { createPlacementChanges } from './placement-changes.ts';
import { createPorts, type PortSettings } from './ports.ts';
import { createQueues } from './queues.ts';
import { watchRelatedObjects } from './related.ts';
import { createRunners } from './runners.ts';
import { indexForSchedules } from './schedules.ts';
import { measureState } from './state.ts';
import { watchAll } from './watches.ts';

/** `namespace` has the Lease and the cluster id; references into a namespace that is not watched are refused. */
export interface OperatorOptions extends PortSettings, ConnectionSettings {
  readonly connection: Connection;
  /** Unique among all processes that may ever lead. */
  readonly identity: string;
  readonly leaderElect: boolean;
  readonly metrics: Metrics;
  readonly log: Logger;
}

export interface Operator {
  readonly manager: Manager;
  /** Closes the connections to Proxmox VE; call it when the manager has ended. */
  close(): Promise<void>;
}

export async function createOperator(options: OperatorOptions): Promise<Operator> {
  const { connection, metrics, log } = options;
  const client = kubeClient(transport(connection, clock));
  const watching = {
    client,
    clock,
    random: Math.random,
    log,
    onWatchRestart: (kind: string) => metrics.watchRestarted(kind),
    namespaces: options.watchNamespaces,
  };
  const watches = watchAll(watching);
  const indexes = indexVms(watches.VirtualMachine.cache);
  const changes = createPlacementChanges(watches);
  const scheduled = indexForSchedules(watches);
  const clones = indexClones(watches);
  const snapshots = indexSnapshots(watches.VMSnapshot.cache);
  const queues = createQueues();
  const {
    namespaces,
    annotationsOf,
    stop: stopNamespaces,
  } = createNamespaces(watching, {
    watches,
    indexes,
    changes,
    ask: queues.ask,
  });
  const passes = {
    watches,
    indexes,
    snapshots,
    namespaces,
    ask: queues.ask,
    claimedIn: claimsOf(watches),
    now: () => clock.now().getTime(),
  };
  const forceDeleted = createForceDeleted(passes.now, (provider) =>
    queues.ask('Provider', [provider], 'relatedObject'),
  );
  const claimedIn = reservationsOf(watches, passes.claimedIn, forceDeleted);
  const pool = createConnections(options, { ...passes, claimedIn, metrics });
  const finishing = createFinishing({ ...passes, client, namespace: options.namespace, pool });
  const ports = await createPorts(options, {
    changes,
    ...passes,
    client,
    clock,
    pool,
    finishing,
    scheduled,
    clones,
    annotationsOf,
    forceDeleted,
  });
  const events = eventRecorder({ client, clock, log, instance: options.identity });
  const runners = createRunners(ports, { watches, queues, events, clock, metrics, log });
  watchRelatedObjects(watches, { indexes, snapshots, clones }, queues.ask);
  measureState(metrics, {
    ...passes,
    pool,
    privileges: ports.privileges,
    clusterId: ports.clusterId,
  });
  forgetGoneVms(watches, ports);
  forgetGoneProviders(watches, ports);
  forgetGoneSnapshots(watches, ports);
  const stopScan = scanForDrift(ports.processStates, passes);
  const stopSnapshotScan = scanSnapshots(ports.snapshotTrees, passes);
  const manager = new Manager({
    watchers: KIND_NAMES.map((kind) => watches[kind].watcher),
    runners,
    clock,
    log,
    onLeading: (leads) => metrics.setLeader(leads),
    elector: options.leaderElect ? elector(options) : undefined,
  });
  const stopSweep = sweepCopies(finishing.finishing, { leads: () => manager.leading, log });
  return {
    manager,
    async close() {
      ports.transfers.close();
      stopScan();
      stopSnapshotScan();
      stopSweep();
      stopNamespaces();
      await Promise.all([pool.closeAll(), events.flush()]);
    },
  };
}

function elector({ connection, namespace, identity, log }: OperatorOptions): LeaderElector {
  const client = kubeClient(transport(connection, clock, 'lease'));
  return new LeaderElector({
    store: leaseStore(client, { namespace, name: OPERATOR_NAME }),
    identity,
    clock,
    log,
  });
}
