/** What reading a modelled world would give, for the operator's own derivation. */
import type { VirtualMachineInternal, VirtualMachineStatus } from '../../src/api/index.ts';
import type { StorageView, TaskState, View } from '../../src/pve/index.ts';
import { nodeName, upid, vmid } from '../../src/lib/units.ts';
import { cdStoragesOf, disksOf } from '../../controllers/shared/guests/disks.ts';
import type { Presence } from '../../controllers/shared/guests/model.ts';
import type { Task } from '../../controllers/virtualmachine/model/tasks.ts';
import { digestsOf } from '../../controllers/virtualmachine/config/applied-digest.ts';
import { unknownState, type ProcessState } from '../../controllers/virtualmachine/model/process-state.ts';
import type { PlainSpec } from '../../controllers/virtualmachine/model/resolved-spec.ts';
import type { ClusterFacts } from '../../controllers/virtualmachine/model/surroundings.ts';
import type { Inputs } from '../../controllers/virtualmachine/observe/inputs.ts';
import type { RawFacts } from '../../controllers/virtualmachine/observe/raw-facts.ts';
import { surroundingsOf } from '../../controllers/virtualmachine/observe/surroundings.ts';
import { aDigest, CREATION, TEMPLATE_CONFIG } from './guests.ts';
import { aGrant, aVirtualMachine } from './objects.ts';
import { onceFor } from './memo.ts';
import type { World } from './modelled-world.ts';
import { aNode, aStorage, aTemplateRow, aView, isoStorage, onBothNodes } from './views.ts';

export const GENERATION = 1;

const NODE_CPUS = 1024;
const NO_TEMPLATE = vmid(9999);

/** Asked for several times of each world. */
export const inputsOf = onceFor((world: World): Inputs => {
  const { now } = world;
  const spec = specOf(world);
  const cluster = clusterOf(world);
  return {
    vm: aVirtualMachine({
      metadata: { uid: world.want.owner.uid, generation: GENERATION },
      status: {
        ...statusOf(world),
        internal: { ...internalOf(world), ...appliedIn(world, spec, cluster) },
      },
    }),
    spec,
    raw: rawFacts(world),
    cluster,
    state: stateOf(world),
    digest: aDigest,
    now,
  };
});

const iso = (epochMs: number): string => new Date(epochMs).toISOString();

function statusOf(world: World): VirtualMachineStatus {
  const { now, devices, cloned, claim, disks, task, failure, hook, guest } = world;
  return {
    observedGeneration: GENERATION,
    networks: devices,
    disks,
    ...(claim && {
      vmid: claim.vmid,
      ...(claim.placement && { placement: claim.placement }),
      ...(claim.made && { name: 'web' }),
    }),
    ...(cloned && { cloneType: 'Linked' as const }),
    ...(task && { task: { upid: task.upid, type: task.type, startedAt: iso(now - ageOf(task)) } }),
    ...(failure && { failure: { ...failure, at: iso(failure.at), generation: GENERATION } }),
    ...(hook && { hook: { ...hook, since: iso(hook.since) } }),
    ...(guest?.running && { ipAddresses: ['192.0.2.10'] }),
  };
}

/** Without the digest, which depends on what is desired. */
function internalOf(world: World): VirtualMachineInternal {
  const { claim, claimedAt, noted, delivery, arrived, note, restartedAt, ownTags, nicRecord = [] } = world;
  return {
    ...(claim && { claimedAt: iso(claimedAt) }),
    ...(claim?.uuid !== undefined && { uuid: claim.uuid }),
    cloudInit: { mode: 'Image', ...delivery, ...(noted !== undefined && { volume: noted }) },
    ...(arrived !== undefined && { host: arrived }),
    ...(note && { restart: { ...note, at: iso(note.at) } }),
    ...(restartedAt !== undefined && { restartedAt }),
    ...(ownTags.length > 0 && { tags: ownTags }),
    ...(nicRecord.length > 0 && { networks: nicRecord }),
  };
}

const ageOf = (task: Task): number => (task.state === 'running' ? task.ageMs : 0);

/** What was applied. */
function appliedIn(
  { want, guest, applied }: World,
  spec: PlainSpec,
  cluster: ClusterFacts,
): Pick<VirtualMachineInternal, 'applied'> {
  if (applied === undefined || !want.exists || !guest) return {};
  if (typeof applied !== 'string') return { applied };
  const { cpus } = surroundingsOf(cluster, spec, guest);
  const digests = Object.entries(digestsOf({ ...want, ...spec.shape }, guest, cpus));
  return {
    applied: digests.map(([part, digest]) => ({ part, digest: applied === 'this' ? digest : 'v2:other' })),
  };
}

function specOf({ want, maxCpus }: World): PlainSpec {
  const base = {
    graceSeconds: want.graceSeconds,
    owner: want.owner,
    storage: undefined,
    pool: undefined,
    besideOthers: false,
    hooks: want.hooks,
    conflict: undefined,
    grant: aGrant(),
    notGranted: [],
    ignored: [],
  };
  if (!want.exists) {
    const { deletionPolicy, protection } = want;
    return { ...base, deletionPolicy, protection, shape: undefined, image: undefined, host: undefined };
  }
  const { exists: _exists, graceSeconds: _grace, creation, ...shape } = want;
  return {
    ...base,
    deletionPolicy: 'Delete',
    protection: want.options?.protection,
    host: want.host,
    image: { vmid: creation.ok ? CREATION.template : NO_TEMPLATE },
    shape: { ...shape, maxCpus },
  };
}

/** Two nodes with room for everything; a guest is made on the node that the world's creation names. */
function clusterOf({ want, storages, task }: World): ClusterFacts {
  const online = task?.state !== 'unreachable';
  const view: View = aView({
    nodes: [aNode('pve-1', { cpus: NODE_CPUS, online }), aNode('pve-2', { cpus: NODE_CPUS })],
    storages: [...storages, ...USUAL.filter((each) => !storages.some(isSame(each)))],
    guests: [aTemplateRow()],
  });
  return {
    view,
    promised: { memory: new Map(), space: new Map() },
    nodeSelector: want.exists && want.creation.ok ? [want.creation.node] : [],
    defaults: {},
    timing: undefined,
  };
}

/** Storages of templates and guests, of which nothing but disks can be made. */
const USUAL: readonly StorageView[] = [
  ...onBothNodes(aStorage('local-lvm', { total: undefined, used: undefined })),
  ...onBothNodes(aStorage('tank', { total: undefined, used: undefined })),
  ...onBothNodes(isoStorage({ content: [] })),
];

const isSame =
  (a: StorageView) =>
  (b: StorageView): boolean =>
    a.node === b.node && a.storage === b.storage;

function rawFacts(world: World): RawFacts {
  const { task, claim, template, othersTasks, namesakes, hook, volumes } = world;
  const config = { ...TEMPLATE_CONFIG, ...template };
  return {
    ...(task && { task: taskStateOf(task) }),
    ...(claim
      ? { presence: presenceAt(world), presenceAgain: presenceAt(world) }
      : { candidate: presenceAt(world), namesakes }),
    ...(claim && {
      activeTasks: othersTasks.map((text) => ({
        upid: upid(text),
        node: nodeName('pve-1'),
        type: 'vzdump',
        id: String(claim.vmid),
        user: 'root@pam',
        startedAt: 0,
      })),
    }),
    templates: new Map([
      [
        CREATION.template,
        {
          vmid: CREATION.template,
          node: CREATION.templateNode,
          isTemplate: true,
          running: false,
          disks: disksOf(config),
          cdStorages: cdStoragesOf({}),
          linkable: true,
        },
      ],
    ]),
    bridges: new Map(['pve-1', 'pve-2'].map((node) => [nodeName(node), 'unknown' as const])),
    missingVolumes: new Map(),
    vmidIsFree: true,
    ...(hook?.state === 'Running' && { execution: { state: 'running' as const } }),
    images: [...volumes],
    migrationPreconditions: { localDisks: [], localResources: [], mappedResources: [], notAllowed: {} },
  };
}

function taskStateOf(task: Task): TaskState {
  switch (task.state) {
    case 'ok':
      return { state: 'ok', warnings: 0 };
    case 'failed':
      return { state: 'failed', exitStatus: task.exit };
    case 'running':
    case 'lost':
      return { state: task.state };
    case 'unreachable':
      return { state: 'running' };
  }
}

function presenceAt({ guest, blind }: World): Presence {
  if (blind) return { kind: 'unknown', message: 'The cluster has no quorum.' };
  return guest ? { kind: 'seen', guest } : { kind: 'absent' };
}

function stateOf({ now, claim, claimedAt, lockedMs, note }: World): ProcessState {
  return {
    ...unknownState(),
    cloneRequest: claim?.certain ? { outcome: 'ended' } : { unknownSince: claimedAt },
    inFlight: { quiescent: false, lockedSince: now - lockedMs },
    surveyed: true,
    restart: note ? { announced: note.of } : {},
  };
}
