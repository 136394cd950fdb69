/** What the controllers are made from: readers, connections, and what the process remembers. */
import {
  createDeletionLog,
  createPrivilegeWatch,
  createProcessStates,
  createRestartSlots,
  createLinkedClones,
  createSnapshotRequests,
  createSnapshotTrees,
  type ConnectionPool,
  type ControllerPorts,
  type ForceDeleted,
  type Namespaces,
} from '../../../controllers/index.ts';
import type { KubeClient } from '../../kube/client.ts';
import { digestKey } from '../../kube/digest-key.ts';
import { clusterId } from '../../kube/identity.ts';
import { configMapReader, secretReader } from '../../kube/secrets.ts';
import { createDocumentReader } from '../../cloudinit/index.ts';
import { createTransfers, type Resolve } from '../../download/index.ts';
import { digestWith } from '../../lib/hash.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { FinishingParts } from './finishing.ts';
import { IN_CREATION, keyOf, type SnapshotIndexes, type VmIndexes } from './indexes.ts';
import { DIGEST_KEY_SECRET, OPERATOR_NAME } from './names.ts';
import type { AskForPass } from './queues.ts';
import { clonePorts, type CloneIndexes } from './clones.ts';
import { schedulePorts, type ScheduleIndexes } from './schedules.ts';
import type { Watches } from './watches.ts';

export interface PortSettings {
  /** Where the cluster id is kept. */
  readonly namespace: string;
  /** Absent: it is generated at the first start. */
  readonly clusterId?: string | undefined;
  /** Absent: all. */
  readonly watchNamespaces?: readonly string[] | undefined;
  /** The PVE_* variables of the process. */
  readonly pve: Readonly<Record<string, string>>;
  /** How the hosts of downloads are looked up. Absent: in the DNS, and forbidden addresses are refused. */
  readonly resolveDownload?: Resolve | undefined;
  /** Namespaces whose Providers may use them; `*` or absent: all. */
  readonly pveAllowFrom?: readonly string[] | undefined;
}

interface Deps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly now: () => number;
  readonly watches: Watches;
  readonly indexes: VmIndexes;
  readonly snapshots: SnapshotIndexes;
  readonly pool: ConnectionPool;
  readonly namespaces: Namespaces;
  readonly finishing: FinishingParts;
  readonly scheduled: ScheduleIndexes;
  readonly clones: CloneIndexes;
  readonly annotationsOf: ControllerPorts['annotationsOf'];
  readonly forceDeleted: ForceDeleted;
  readonly claimedIn: ControllerPorts['claimedIn'];
  readonly ask: AskForPass;
  readonly changes: ControllerPorts['changes'];
}

export async function createPorts(
  {
    namespace,
    clusterId: configured,
    watchNamespaces,
    pve,
    pveAllowFrom = ['*'],
    resolveDownload,
  }: PortSettings,
  deps: Deps,
): Promise<ControllerPorts> {
  const { client, clock, now, watches, indexes, snapshots, namespaces, scheduled } = deps;
  const { pool, finishing, forceDeleted, claimedIn, ask, clones, annotationsOf, changes } = deps;
  const secrets = secretReader(client, clock);
  const configMaps = configMapReader(client, clock);
  const processStates = createProcessStates();
  const restartSlots = createRestartSlots({
    now,
    wake(uid) {
      processStates.invalidate(uid);
      ask('VirtualMachine', indexes.uid.keys(uid), 'slotFree');
    },
  });
  return {
    clusterId: await clusterId(client, { namespace, name: OPERATOR_NAME }, configured),
    digest: digestWith(await digestKey(client, { namespace, name: DIGEST_KEY_SECRET })),
    providers: watches.Provider.cache,
    classes: watches.VMClass.cache,
    images: watches.VMImage.cache,
    vms: watches.VirtualMachine.cache,
    policies: watches.VMPlacementPolicy.cache,
    changes,
    vmsInCreation: () => indexes.inCreation.objects(IN_CREATION),
    snapshots: watches.VMSnapshot.cache,
    snapshotsOf: (at, vm) => snapshots.vm.objects(keyOf({ namespace: at, name: vm })),
    snapshotTrees: createSnapshotTrees(now),
    snapshotRequests: createSnapshotRequests(),
    linkedClones: createLinkedClones(now),
    enqueueSnapshot: (uid) => ask('VMSnapshot', snapshots.uid.keys(uid), 'taskEnded'),
    pool,
    namespaces,
    connections: pool,
    ...finishing,
    forceDeleted,
    deletionLog: createDeletionLog(now),
    privileges: createPrivilegeWatch(now),
    process: pve,
    mayUseProcess: (name) => pveAllowFrom.includes('*') || pveAllowFrom.includes(name),
    watches: (name) => watchNamespaces?.includes(name) ?? true,
    readSecret: (...at) => secrets.get(...at),
    readConfigMap: (...at) => configMaps.get(...at),
    async readAgain(kind, at, signal) {
      await watches[kind].store.fetch(keyOf(at), signal);
    },
    usersOfKind: (kind) => (at, name) => indexes.mayUse(kind, keyOf({ namespace: at, name })),
    claimedIn,
    readDocuments: createDocumentReader({ now }),
    transfers: createTransfers(now),
    resolveDownload,
    addressed: (value) => indexes.exclusive.objects(value),
    restartSlots,
    processStates,
    enqueue: (uid) => ask('VirtualMachine', indexes.uid.keys(uid), 'taskEnded'),
    ...schedulePorts(watches, scheduled),
    ...clonePorts(watches, clones),
    annotationsOf,
    now,
  };
}
