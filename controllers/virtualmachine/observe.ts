/** What Proxmox VE says about this guest now. Reads only. */
import { sameOwner } from '../shared/owner-mark.ts';
import { awaitsAdoption } from './adoption.ts';
import { cloudInitAfterwards } from './cloud-init/afterwards.ts';
import { cloudInitOf } from './cloud-init/observe.ts';
import type { CloudInitPlan } from './cloud-init/plan.ts';
import { withAwaitedBoot } from './cloud-init/seed-drive.ts';
import { asidesOf, keepsTags } from './config/asides.ts';
import { configChange } from './config/change.ts';
import { cpuRoomOf } from './config/cpu-room.ts';
import { isApplied, judgeDrift, wishDigest } from './config/drift.ts';
import { isNew } from './config/is-new.ts';
import type { DiskWork } from './disks/model.ts';
import { diskWork } from './disks/work.ts';
import { failureAfter } from './failure.ts';
import { readHook } from './guest-agent/hooks.ts';
import { hasBooted } from './leaving.ts';
import type { GuestMemory } from './memory.ts';
import type { Guest, Presence } from './model/guest.ts';
import type { Claim, Observed, Task } from './model/observed.ts';
import type { Desired } from './model/wish.ts';
import type { ObserveContext } from './observation/context.ts';
import { calmDown } from './observation/doubt.ts';
import { candidateOf, claimOf, namesakeOf, presenceOf } from './observation/presence.ts';
import { readTask } from './observation/read-task.ts';
import { moveBeforeStart } from './placement/chosen.ts';
import { NOT_ASKED, creationFor } from './placement/decide.ts';
import type { Creation } from './placement/model.ts';
import { relocate } from './placement/relocate.ts';
import { vmidHolder } from './placement/vmid-holder.ts';
import { type Wish, desiredOf } from './resolve.ts';
import { awaitedKeys } from './restart/awaited.ts';
import type { VirtualMachine } from '../../src/api/index.ts';
import type { Vmid } from '../../src/lib/units.ts';
import { type Qemu, parseUpid } from '../../src/pve/index.ts';

export interface Sight {
  readonly want: Desired;
  readonly have: Observed;
  /** How the guest gets its cloud-init data; known once the guest is there. */
  readonly cloudInit: CloudInitPlan | undefined;
}

type Wanted = Extract<Desired, { exists: true }>;

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
  const doubt = { connection: wish.connection, memory, template: templateOf(claim, creation), options, now };
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

/** What a clone request was made with was written down before it; of an object that goes, nothing new is decided. */
const templateOf = (claim: Claim | undefined, creation: Creation): Vmid | undefined =>
  claim?.placement?.template ?? (creation.ok ? creation.template : undefined);

/** It is ours, or to be: then what would become of it is told before it is touched. */
const concernsUs = (want: Desired, claim: Claim, guest: Guest): boolean =>
  sameOwner(guest.mark, want.owner) || awaitsAdoption(want, claim, guest);

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
  const written = { cloudInit, ...room, keepTags };
  const change = configChange(vm, want, guest, written);
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
  const awaited = awaitedKeys(vm, want, guest, written);
  const due = { change: judged.change ?? afterwards, awaited, move, relocation };
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
