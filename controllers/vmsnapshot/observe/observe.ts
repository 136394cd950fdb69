/** Reads what must be known of a snapshot and of its guest. Reads only; the plan concludes. */
import type { VirtualMachine, VMSnapshot } from '../../../src/api/index.ts';
import type { Readable } from '../../../src/runtime/controller.ts';
import type { ActiveTask, CallOptions, SnapshotRow } from '../../../src/pve/index.ts';
import { isGuestOf } from '../../shared/guests/identity.ts';
import type { Guest } from '../../shared/guests/model.ts';
import { isConsole } from '../../shared/tasks/consoles.ts';
import { failureAfter } from '../../shared/tasks/failure.ts';
import type { Blocked } from '../model/blocked.ts';
import type { Desired } from '../model/desired.ts';
import type { Observed, Request, TakenAs } from '../model/observed.ts';
import type { Requests } from '../model/requests.ts';
import { withNames, type LinkedClones } from '../../shared/cluster/linked-clones.ts';
import { TASKS } from '../model/tasks.ts';
import type { LinkedClone } from '../../shared/guests/linked-clones.ts';
import { ownOf } from '../model/own.ts';
import { parseIdentity } from '../../shared/guests/snapshot-identity.ts';
import type { Resolved } from '../resolve/resolve.ts';
import type { RevertFacts } from '../model/revert.ts';
import { revertFacts, revertObstacle, rollbackSince } from '../revert/facts.ts';
import { activityOf, incompleteness } from './activity.ts';
import { takenAs } from './indications.ts';
import { obstacleOf } from './obstacles.ts';
import type { SeenTask } from './task.ts';
import type { At, Tree, Trees } from './trees.ts';

export interface ObserveContext {
  readonly trees: Trees;
  readonly linkedClones: LinkedClones;
  readonly vmsIn: (namespace: string) => readonly Readable<VirtualMachine>[];
  readonly requests: Requests;
  /** The task in status. */
  readonly seen: SeenTask | undefined;
  /** Epoch ms. */
  readonly now: number;
  readonly options: CallOptions;
  /** Something may be changed: nothing that was read earlier counts. */
  readonly live: boolean;
}

export async function observe(
  snapshot: VMSnapshot,
  resolved: Resolved,
  context: ObserveContext,
): Promise<Observed> {
  const base = baseOf(snapshot, resolved, context);
  // While our task runs there is nothing to read.
  if (base.task?.state === 'running' || base.task?.state === 'unreachable') return base;
  const tree = await treeOf(snapshot, resolved, context);
  const guest = guestIn(tree);
  const proven = guest !== undefined && isGuestOf(guest, resolved.want.owner, resolved.want.uuid);
  const have: Observed = {
    ...base,
    presence: tree.presence,
    proven,
    snapshots: tree.list.snapshots,
    own: proven ? ownRows(tree, resolved.want) : [],
    takenAs: takenAsOf(context, guest),
    activeTasks: activeInView(resolved),
    revert: { ...base.revert, obstacle: obstacleToRevert(guest, tree, resolved) },
  };
  const clones = proven ? await clonesIn(guest, resolved, have, context) : [];
  const known = {
    ...have,
    linkedClones: clones,
    cloned: have.cloned || clones.length > 0,
    running: guest !== undefined && isRunning(guest, resolved, context),
  };
  const seen =
    context.live && proven ? { ...known, ...(await readLive(guest, resolved, have, context)) } : known;
  return { ...seen, lockedMs: lockedMs(seen, resolved.want, context) };
}

/** A lock that a task accounts for ends with it. */
function lockedMs(
  { presence, activeTasks }: Observed,
  { uid }: Desired,
  { requests, now }: ObserveContext,
): number {
  const lock = presence.kind === 'seen' && activeTasks.length === 0 ? presence.guest.lock : undefined;
  return now - requests.lockedSince(uid, lock, now);
}

function treeOf(
  snapshot: VMSnapshot,
  { vm, connection, want: { vmid, owner, uuid } }: Resolved,
  context: ObserveContext,
): Promise<Tree> {
  const isProven = (guest: Guest): boolean => isGuestOf(guest, owner, uuid);
  const isMade = incompleteness(vm) === undefined;
  const at: At = { uid: vm.metadata.uid, connection, vmid, hint: vm.status?.node, isProven, isMade };
  const { trees, options } = context;
  return isCertain(snapshot, context) ? trees.look(at, options) : trees.read(at, options);
}

const takenAsOf = ({ seen }: ObserveContext, guest: Guest | undefined): TakenAs | undefined =>
  seen?.task.type === 'Create' && seen.task.state === 'ok'
    ? takenAs(seen.log, guest?.running ?? false)
    : undefined;

/** Nothing of ours may have changed the guest since it was read. */
const isCertain = ({ status }: VMSnapshot, { live }: ObserveContext): boolean =>
  !live &&
  status?.task === undefined &&
  status?.internal?.requestedAt === undefined &&
  status?.internal?.revert?.state !== 'Sent';

const guestIn = ({ presence }: Tree): Guest | undefined =>
  presence.kind === 'seen' && presence.guest.container !== true ? presence.guest : undefined;

const ownRows = ({ list }: Tree, { line }: Desired): readonly SnapshotRow[] => {
  const ours = parseIdentity(line);
  return list.snapshots.filter(({ description }) => {
    const identity = parseIdentity(description);
    return identity !== undefined && identity.uid === ours?.uid && identity.cluster === ours.cluster;
  });
};

function baseOf(
  snapshot: VMSnapshot,
  { vm, siblings, connection, want }: Resolved,
  { seen, now, requests }: ObserveContext,
): Observed {
  const { metadata, status } = snapshot;
  const revert = revertFacts(snapshot, vm, requests);
  return {
    now,
    name: status?.snapshotName,
    made: status?.creationTime !== undefined,
    request: requestIn(snapshot, requests),
    task: seen?.task,
    // A revert is never repeated, so none of them counts as a failed attempt.
    failure: failureAfter(status?.failure, seen?.task.type === 'Revert' ? undefined : seen?.task, {
      table: TASKS,
      generation: metadata.generation,
      now,
    }),
    presence: { kind: 'notMade' },
    proven: false,
    snapshots: [],
    own: [],
    activeTasks: [],
    lockedMs: 0,
    busy: activityOf(vm, snapshot, { siblings, now }),
    incomplete: incompleteness(vm),
    obstacle: undefined,
    linkedClones: [],
    cloned: status?.internal?.cloned === true,
    running: false,
    takenAs: undefined,
    revert: { ...revert, found: foundFor(revert, connection, want.vmid), obstacle: undefined },
  };
}

/** Where the answer to the request is not known. */
const foundFor = (
  { request, open }: Pick<RevertFacts, 'request' | 'open'>,
  { inventory }: Resolved['connection'],
  vmid: Resolved['want']['vmid'],
): RevertFacts['found'] =>
  request?.state === 'unknown' && open
    ? rollbackSince(inventory.view(), vmid, Date.parse(open.at))
    : undefined;

function obstacleToRevert(
  guest: Guest | undefined,
  tree: Tree,
  { connection, want }: Resolved,
): string | undefined {
  const { list } = tree;
  const [row] = ownRows(tree, want);
  const storages = connection.inventory.view()?.storages ?? [];
  return guest && row ? revertObstacle(row, guest, { snapshots: list.snapshots, storages }) : undefined;
}

function requestIn({ metadata: { uid }, status }: VMSnapshot, requests: Requests): Request | undefined {
  const at = status?.internal?.requestedAt;
  return at === undefined ? undefined : { at: Date.parse(at), state: requests.stateOf(uid, at) };
}

const activeInView = ({ connection, want: { vmid } }: Resolved): readonly ActiveTask[] =>
  (connection.inventory.view()?.activeTasks ?? []).filter((task) => isOn(task, vmid));

const isOn = (task: ActiveTask, vmid: number): boolean => task.id === String(vmid) && !isConsole(task);

/** What is asked only before something is changed. */
async function readLive(
  guest: Guest,
  resolved: Resolved,
  { own }: Observed,
  { options }: ObserveContext,
): Promise<Pick<Observed, 'activeTasks' | 'obstacle'>> {
  const { connection, want } = resolved;
  const tasks = await connection.pve.node(guest.node).activeTasks(guest.vmid, options);
  return {
    activeTasks: tasks.filter((task) => isOn(task, guest.vmid)),
    obstacle: want.exists && own.length === 0 ? await obstacle(guest, resolved, options) : undefined,
  };
}

/** What was read earlier may be older than the list of guests. */
const isRunning = (guest: Guest, { connection }: Resolved, { live }: ObserveContext): boolean => {
  const row = live ? undefined : connection.inventory.view()?.guests.get(guest.vmid);
  return row === undefined ? guest.running : row.status !== 'stopped';
};

/** Those that keep the snapshot from being deleted. What was seen a moment ago is enough to wait, not to delete. */
async function clonesIn(
  guest: Guest,
  { connection, want, vm }: Resolved,
  have: Observed,
  { linkedClones, vmsIn, live, options }: ObserveContext,
): Promise<readonly LinkedClone[]> {
  const own = ownOf(have);
  const isHalfDeleted = own?.state === 'delete' && have.activeTasks.length === 0;
  if (!own || (want.exists && !isHalfDeleted)) return [];
  const at = { connection, guest, snapshot: own.name };
  if (live && !want.exists) return withNames(await linkedClones.read(at, options), vm, vmsIn);
  // Whether they are gone, or nobody has looked for a while, makes a difference only then.
  const matters = isHalfDeleted || have.cloned;
  return withNames(matters ? await linkedClones.look(at, options) : linkedClones.known(at), vm, vmsIn);
}

async function obstacle(
  guest: Guest,
  { connection, want: { memory } }: Resolved,
  options: CallOptions,
): Promise<Blocked | undefined> {
  const { pve, inventory } = connection;
  const supported =
    guest.template || (await pve.node(guest.node).qemu(guest.vmid).snapshots.areSupported(options));
  return obstacleOf({ guest, supported, memory, storages: inventory.view()?.storages ?? [] });
}
