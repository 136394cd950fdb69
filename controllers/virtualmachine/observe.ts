/** What Proxmox VE says about this guest now. Reads only. */
import { parseUpid, type CallOptions, type Qemu } from '../../src/pve/index.ts';
import type { Digest } from '../../src/lib/hash.ts';
import type { VirtualMachine } from '../../src/api/index.ts';
import { parseMark, sameOwner, type OwnerMark } from '../shared/owner-mark.ts';
import { adopting, awaitsAdoption } from './adoption.ts';
import { asidesOf, keepsTags } from './config/asides.ts';
import { configChange } from './config/change.ts';
import { cloudInitAfterwards } from './cloud-init/afterwards.ts';
import { cpuRoomOf } from './config/cpu-room.ts';
import { planCloudInit, type CloudInitPlan, type WithCloudInit } from './cloud-init/plan.ts';
import type { Creations } from './placement/creation.ts';
import { diskWork } from './disks/work.ts';
import { calmDown } from './observation/doubt.ts';
import { isApplied, judgeDrift, wishDigest } from './config/drift.ts';
import { failureAfter } from './failure.ts';
import { hasBooted } from './leaving.ts';
import { isNew } from './config/is-new.ts';
import { readHook } from './guest-agent/hooks.ts';
import { locate } from './observation/locate.ts';
import type { GuestMemory } from './memory.ts';
import type { DiskWork } from './disks/model.ts';
import type { Guest, Namesake, Presence } from './model/guest.ts';
import type { Claim, Observed, Task } from './model/observed.ts';
import type { Desired } from './model/wish.ts';
import type { Creation } from './placement/model.ts';
import { moveBeforeStart } from './placement/chosen.ts';
import { readTask } from './observation/read-task.ts';
import { relocate } from './placement/relocate.ts';
import { vmidHolder } from './placement/vmid-holder.ts';
import { steadyRefusal } from './placement/refusal.ts';
import { desiredOf, type Wish } from './resolve.ts';
import { snippetProblem } from './cloud-init/snippets.ts';
import { withAwaitedBoot } from './cloud-init/seed-drive.ts';
import type { TaskWatch } from './observation/task-watch.ts';

export interface Sight {
  readonly want: Desired;
  readonly have: Observed;
  /** How the guest gets its cloud-init data; known once the guest is there. */
  readonly cloudInit: CloudInitPlan | undefined;
}

export interface ObserveContext {
  readonly memory: GuestMemory;
  readonly creations: Creations;
  readonly tasks: TaskWatch;
  readonly options: CallOptions;
  readonly digest: Digest;
  /** Epoch ms. */
  readonly now: number;
}

const NOT_ASKED: Creation = {
  ok: false,
  reason: 'GuestExists',
  message: 'The guest exists already.',
};

const ADOPTS: Creation = {
  ok: false,
  reason: 'Adopts',
  message: 'A VM that exists is taken over, and none is created.',
};

type Wanted = Extract<Desired, { exists: true }>;

interface InContext {
  readonly wish: Wish;
  readonly context: ObserveContext;
}

type Before = Pick<
  Observed,
  | 'now'
  | 'claim'
  | 'task'
  | 'failure'
  | 'seedVolume'
  | 'hook'
  | 'generation'
  | 'ownTags'
  | 'asides'
  | 'asidesLeft'
>;

export async function observe(vm: VirtualMachine, wish: Wish, context: ObserveContext): Promise<Sight> {
  const { memory, now } = context;
  const task = await readTask(vm, wish.connection, context);
  rememberTask(memory, task, now);
  if (task?.type === 'qmclone' && !isOpen(task)) wish.connection.turns.end(wish.owner.uid);
  keepMoveTurn(task, wish);
  const before = await beforeLook(vm, wish, { task, context });
  const destroyed = task?.type === 'qmdestroy' && task.state === 'ok';
  return destroyed || (task && isOpen(task))
    ? withoutGuest(before, desiredOf(wish, NOT_ASKED))
    : withGuest(vm, wish, { before, context });
}

/** What is known before the guest is looked for. */
async function beforeLook(
  vm: VirtualMachine,
  wish: Wish,
  { task, context }: { readonly task: Task | undefined; readonly context: ObserveContext },
): Promise<Before> {
  const { memory, now, options } = context;
  return {
    now,
    task,
    claim: claimOf(vm, memory, now),
    failure: failureAfter(vm.status?.failure, task, { generation: vm.metadata.generation, now }),
    seedVolume: vm.status?.cloudInit?.volume,
    hook: await readHook(vm.status?.hook, undefined, handleOf(wish), options),
    generation: vm.metadata.generation,
    ownTags: tagsOf(vm),
    asides: [],
    asidesLeft: [],
  };
}

const handleOf =
  ({ connection }: Wish) =>
  ({ node, vmid }: Guest): Qemu =>
    connection.pve.node(node).qemu(vmid);

const tagsOf = ({ status }: VirtualMachine): readonly string[] => status?.tags ?? [];

function rememberTask(memory: GuestMemory, task: Task | undefined, now: number): void {
  // What this process began last is over. A task in status may be older than a request whose answer was lost.
  if (task && hasEnded(task) && task.upid === memory.begun) memory.calm = true;
  if (task?.type === 'qmclone' && hasEnded(task)) memory.clone = 'ended';
  // An earlier process may have sent a request the moment before it ended, however old the claim is.
  if (memory.clone === undefined) memory.unknownSince ??= now;
}

/** An earlier process may have begun the move. */
function keepMoveTurn(task: Task | undefined, { connection, owner, host }: Wish): void {
  const from = task?.type === 'qmigrate' && isOpen(task) ? parseUpid(task.upid)?.node : undefined;
  if (from === undefined) connection.moves.end(owner.uid);
  else connection.moves.hold(owner.uid, { from, to: host ?? from });
}

/** How it ends, or whether, is still to be seen. */
const isOpen = ({ state }: Task): boolean => state === 'running' || state === 'unreachable';

const hasEnded = ({ state }: Task): boolean => state === 'ok' || state === 'failed';

/** While our task runs, or after it destroyed the guest, there is nothing to look at. */
const withoutGuest = (before: Before, want: Desired): Sight => ({
  want,
  cloudInit: undefined,
  have: {
    ...before,
    presence: { kind: 'absent' },
    activeTasks: [],
    lockedMs: 0,
    namesake: undefined,
    change: undefined,
    disks: undefined,
  },
});

async function withGuest(
  vm: VirtualMachine,
  wish: Wish,
  { before, context }: { readonly before: Before; readonly context: ObserveContext },
): Promise<Sight> {
  const { claim, now } = before;
  const { memory, options } = context;
  const located = await presenceOf(vm, claim, { wish, context });
  const isThere = claim?.made === true || located.kind === 'seen';
  const creation = isThere ? NOT_ASKED : await creationFor(wish, claim, context);
  const template = creation.ok ? creation.template : undefined;
  const doubt = { connection: wish.connection, memory, template, options, now };
  const { presence, activeTasks } = await calmDown(located, claim, doubt);
  endTurn(presence, wish);
  const want = desiredOf(wish, creation);
  const vmidTaken = await vmidHolder(wish, { claim, creation }, options);
  const have: Observed = {
    ...before,
    presence,
    candidate: await candidateOf(wish, claim, options),
    vmidTaken,
    activeTasks,
    hasBooted: hasBooted(vm, presence),
    lockedMs: memory.lockedSince === undefined ? 0 : now - memory.lockedSince,
    namesake: claim || !want.exists ? undefined : await namesakeOf(wish, context),
    change: undefined,
    disks: undefined,
  };
  if (presence.kind !== 'seen' || !claim || !concernsUs(want, claim, presence.guest))
    return { want, have, cloudInit: undefined };
  return withOwn(
    vm,
    { wish, want, guest: withAwaitedBoot(vm, presence.guest, now) },
    { have, claim, context },
  );
}

/** It is ours, or to be: then what would become of it is told before it is touched. */
const concernsUs = (want: Desired, claim: Claim, guest: Guest): boolean =>
  sameOwner(guest.mark, want.owner) || awaitsAdoption(want, claim, guest);

/** The guest that is to be adopted, as long as its number is not written down. */
async function candidateOf(
  { connection, shape }: Wish,
  claim: Claim | undefined,
  options: CallOptions,
): Promise<Presence | undefined> {
  if (shape?.adopt === undefined || claim || !connection.inventory.view()) return undefined;
  return locate(connection, shape.adopt, undefined, options);
}

const creationFor = (
  wish: Wish,
  claim: Claim | undefined,
  context: ObserveContext,
): Creation | Promise<Creation> =>
  adopting(desiredOf(wish, NOT_ASKED), claim) ? ADOPTS : decideCreation(wish, claim, context);

/** The guest carries our mark, or is about to. */
async function withOwn(
  vm: VirtualMachine,
  { wish, want, guest }: { readonly wish: Wish; readonly want: Desired; readonly guest: Guest },
  {
    have,
    claim,
    context,
  }: { readonly have: Observed; readonly claim: Claim; readonly context: ObserveContext },
): Promise<Sight> {
  const hook = await readHook(vm.status?.hook, guest, handleOf(wish), context.options);
  const made = claim.made || sameOwner(guest.mark, want.owner);
  const own: Observed = { ...have, hook, presence: { kind: 'seen', guest }, claim: { ...claim, made } };
  return want.exists
    ? withChange(vm, { wish, want, guest }, { have: own, context })
    : { want, have: own, cloudInit: undefined };
}

/** A guest that is there and not locked was cloned, also where the answer to the request was lost. */
function endTurn(presence: Presence, { connection, owner }: Wish): void {
  if (presence.kind === 'seen' && presence.guest.lock === undefined) connection.turns.end(owner.uid);
}

/** What has to change in a guest that is ours. */
async function withChange(
  vm: VirtualMachine,
  { wish, want, guest }: { readonly wish: Wish; readonly want: Wanted; readonly guest: Guest },
  { have, context }: { readonly have: Observed; readonly context: ObserveContext },
): Promise<Sight> {
  const known = want.cloudInit && { ...want, cloudInit: want.cloudInit };
  const cloudInit = known && (await cloudInitOf(vm, known, guest, { wish, context }));
  const room = cpuRoomOf(wish, guest.node);
  const keepTags = keepsTags(have.failure, context.memory);
  const change = configChange(vm, want, guest, { cloudInit, ...room, keepTags });
  const judged = judgeDrift(change, guest, {
    digest: wishDigest(want, guest, room),
    applied: isNew(vm, guest) ? undefined : vm.status?.appliedDigest,
    policy: want.driftPolicy,
  });
  const afterwards = cloudInitAfterwards(vm, guest, { plan: cloudInit, now: have.now });
  const asides = asidesOf(want, guest, {
    ownTags: have.ownTags,
    memory: context.memory,
    applied: isApplied(judged.wish),
    now: have.now,
  });
  const relocation = await relocate(vm, { wish, want, guest }, context.options);
  const move = moveBeforeStart(vm, guest, wish.host) ?? relocation?.move;
  const due = { change: judged.change ?? afterwards, move, relocation };
  const disks = disksOf(vm, wish, { want, guest, judged });
  return { want, have: { ...have, ...judged, ...asides, ...due, disks }, cloudInit };
}

function disksOf(
  { status }: VirtualMachine,
  { connection }: Wish,
  {
    want,
    guest,
    judged,
  }: { readonly want: Wanted; readonly guest: Guest; readonly judged: ReturnType<typeof judgeDrift> },
): DiskWork {
  return diskWork(want, guest, {
    recorded: status?.disks ?? [],
    storages: connection.inventory.view()?.storages ?? [],
    leaves: isApplied(judged.wish) && want.driftPolicy !== 'Revert',
  });
}

async function cloudInitOf(
  vm: VirtualMachine,
  want: WithCloudInit,
  guest: Guest,
  { wish: { connection }, context: { options, digest } }: InContext,
): Promise<CloudInitPlan> {
  const view = connection.inventory.view();
  const planned = planCloudInit(vm, want, guest, {
    digest,
    isoStorage: connection.defaults.isoStorage,
    storages: view?.storages ?? [],
  });
  const { snippet } = want.cloudInit;
  if (snippet !== undefined && (isNew(vm, guest) || planned.renews === true)) {
    const problem = await snippetProblem(connection, { node: guest.node, snippet }, options);
    return problem ? { ...planned, problem } : planned;
  }
  const { seed } = planned;
  // Only what is named in our status can have been uploaded.
  if (!seed?.noted) return planned;
  const volumes = await connection.pve.node(guest.node).storage(seed.storage).content('iso', options);
  return { ...planned, seed: { ...seed, uploaded: volumes.some(({ volid }) => volid === seed.volume) } };
}

function claimOf(vm: VirtualMachine, memory: GuestMemory, now: number): Claim | undefined {
  const { vmid, claimedAt, name, placement } = vm.status ?? {};
  if (vmid === undefined) return undefined;
  const since = Math.max(claimedAt === undefined ? 0 : Date.parse(claimedAt), memory.unknownSince ?? 0);
  return {
    vmid,
    ageMs: now - since,
    made: name !== undefined,
    certain: memory.clone !== undefined,
    ...(placement && { placement }),
  };
}

async function presenceOf(
  vm: VirtualMachine,
  claim: Claim | undefined,
  { wish: { connection }, context: { memory, options } }: InContext,
): Promise<Presence> {
  if (claim === undefined) return { kind: 'notMade' };
  if (memory.clone === 'unsent' && !claim.made && !connection.inventory.view()?.guests.has(claim.vmid))
    return { kind: 'notMade' };
  return locate(connection, claim.vmid, vm.status?.node, options);
}

async function decideCreation(
  wish: Wish,
  claim: Claim | undefined,
  { creations, memory, options, now }: ObserveContext,
): Promise<Creation> {
  const view = wish.connection.inventory.view();
  if (!view || !wish.shape)
    return { ok: false, reason: 'ProviderNotReady', message: 'The Proxmox VE cluster was not read yet.' };
  const creation = await creations.decide(wish, claim, view, options);
  if (creation.ok) delete memory.refused;
  else memory.refused = steadyRefusal(memory.refused, creation, now);
  return memory.refused?.creation ?? creation;
}

/** A guest of our name that carries the mark of an object of our namespace and name. */
async function namesakeOf(
  { connection, shape, owner, besideOthers }: Wish,
  { memory, options }: ObserveContext,
): Promise<Namesake | undefined> {
  // A guest made for a former object a moment ago is not in a view that was read before this object was known.
  if (!memory.surveyed) await connection.inventory.refresh(options.signal);
  memory.surveyed = true;
  const guests = connection.inventory.view()?.guests;
  if (!shape || !guests) return undefined;
  for (const row of guests.values()) {
    if (row.type !== 'qemu' || row.template || row.name !== shape.name) continue;
    const { values } = await connection.pve.node(row.node).qemu(row.vmid).config(options);
    const mark = parseMark(values['description']);
    if (mark && isNamesake(mark, owner, besideOthers)) return { vmid: row.vmid, mark };
  }
  return undefined;
}

const isNamesake = (mark: OwnerMark, owner: OwnerMark, besideOthers: boolean): boolean =>
  mark.namespace === owner.namespace &&
  mark.name === owner.name &&
  !(besideOthers && mark.cluster !== owner.cluster);
