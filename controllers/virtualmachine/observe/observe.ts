/** What Proxmox VE says about this guest now. Reads only. */
import { isSameOwner } from '../../shared/guests/owner-mark.ts';
import { awaitsAdoption } from '../plan/adoption.ts';
import { cloudInitChange } from '../cloud-init/afterwards.ts';
import { cloudInitOf } from '../cloud-init/observe.ts';
import type { CloudInitPlan } from '../cloud-init/plan.ts';
import { withAwaitedBoot } from '../cloud-init/seed-drive.ts';
import { bestEffortWritesOf, keepsTags } from '../config/best-effort.ts';
import { configChange } from '../config/change.ts';
import { cpuRoomOf } from '../config/cpu-room.ts';
import { isApplied, judgeDrift, specDigest } from '../config/drift.ts';
import { isNew } from '../config/is-new.ts';
import type { DiskWork } from '../model/disks.ts';
import { diskWork } from '../disks/work.ts';
import { failureAfter } from '../../shared/tasks/failure.ts';
import { readHook } from '../guest-agent/hooks.ts';
import { hasBooted } from '../plan/leaving.ts';
import { TASKS } from '../plan/step-info.ts';
import type { ProcessState } from '../model/process-state.ts';
import type { Guest, Presence } from '../../shared/guests/model.ts';
import type { Claim, Observed } from '../model/observed.ts';
import type { Task } from '../model/tasks.ts';
import type { Desired } from '../model/desired.ts';
import type { ObserveContext } from './context.ts';
import { checkInFlightTasks } from './in-flight.ts';
import { candidateOf, claimOf, namesakeOf, presenceOf } from './presence.ts';
import { readTask } from './read-task.ts';
import { moveBeforeStart } from '../placement/chosen.ts';
import { NOT_ASKED, creationFor } from '../placement/decide.ts';
import type { Creation } from '../model/placement.ts';
import { relocate } from '../placement/relocate.ts';
import { vmidHolder } from '../placement/vmid-holder.ts';
import { type ResolvedSpec, desiredOf } from '../resolve/resolve.ts';
import { awaitedKeys } from '../restart/awaited.ts';
import type { VirtualMachine } from '../../../src/api/index.ts';
import type { Vmid } from '../../../src/lib/units.ts';
import { type Qemu, parseUpid } from '../../../src/pve/index.ts';

export interface Observation {
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
  | 'bestEffortWrites'
  | 'notApplied'
>;

export async function observe(
  vm: VirtualMachine,
  resolved: ResolvedSpec,
  context: ObserveContext,
): Promise<Observation> {
  const { processState, now } = context;
  const task = await readTask(vm, resolved.connection, context);
  recordTask(processState, task, now);
  if (task?.type === 'Clone' && !isOpen(task)) resolved.connection.cloneSlots.end(resolved.owner.uid);
  keepMoveSlot(task, resolved);
  const before = await beforeGuest(vm, resolved, { task, context });
  const destroyed = task?.type === 'Destroy' && task.state === 'ok';
  return destroyed || (task && isOpen(task))
    ? withoutGuest(before, desiredOf(resolved, NOT_ASKED))
    : withGuest(vm, resolved, { before, context });
}

/** What is known before the guest is looked for. */
async function beforeGuest(
  vm: VirtualMachine,
  resolved: ResolvedSpec,
  { task, context }: { readonly task: Task | undefined; readonly context: ObserveContext },
): Promise<Before> {
  const { processState, now, options } = context;
  return {
    now,
    task,
    claim: claimOf(vm, processState, now),
    failure: failureAfter(vm.status?.failure, task, {
      table: TASKS,
      generation: vm.metadata.generation,
      now,
    }),
    seedVolume: vm.status?.internal?.cloudInit?.volume,
    hook: await readHook(vm.status?.hook, undefined, handleOf(resolved), options),
    generation: vm.metadata.generation,
    ownTags: tagsOf(vm),
    bestEffortWrites: [],
    notApplied: [],
  };
}

const handleOf =
  ({ connection }: ResolvedSpec) =>
  ({ node, vmid }: Guest): Qemu =>
    connection.pve.node(node).qemu(vmid);

const tagsOf = ({ status }: VirtualMachine): readonly string[] => status?.internal?.tags ?? [];

function recordTask(processState: ProcessState, task: Task | undefined, now: number): void {
  // What this process began last is over. A task in status may be older than a request whose answer was lost.
  if (task && hasEnded(task) && task.upid === processState.startedTask) processState.quiescent = true;
  if (task?.type === 'Clone' && hasEnded(task)) processState.clone = 'ended';
  // An earlier process may have sent a request the moment before it ended, however old the claim is.
  if (processState.clone === undefined) processState.unknownSince ??= now;
}

/** An earlier process may have begun the move. */
function keepMoveSlot(task: Task | undefined, { connection, owner, host }: ResolvedSpec): void {
  const from = task?.type === 'Migrate' && isOpen(task) ? parseUpid(task.upid)?.node : undefined;
  if (from === undefined) connection.moveSlots.end(owner.uid);
  else connection.moveSlots.hold(owner.uid, { from, to: host ?? from });
}

/** How it ends, or whether, is still to be seen. */
const isOpen = ({ state }: Task): boolean => state === 'running' || state === 'unreachable';
const hasEnded = ({ state }: Task): boolean => state === 'ok' || state === 'failed';

/** While our task runs, or after it destroyed the guest, there is nothing to look at. */
const withoutGuest = (before: Before, want: Desired): Observation => ({
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
  resolved: ResolvedSpec,
  { before, context }: { readonly before: Before; readonly context: ObserveContext },
): Promise<Observation> {
  const { claim, now } = before;
  const { processState, options } = context;
  const located = await presenceOf(vm, claim, { resolved, context });
  const isThere = claim?.made === true || located.kind === 'seen';
  const creation = isThere ? NOT_ASKED : await creationFor(resolved, claim, context);
  const doubt = {
    connection: resolved.connection,
    processState,
    template: templateOf(claim, creation),
    options,
    now,
  };
  const { presence, activeTasks } = await checkInFlightTasks(located, claim, doubt);
  endCloneSlot(presence, resolved);
  const want = desiredOf(resolved, creation);
  const vmidTaken = await vmidHolder(resolved, { claim, creation }, options);
  const have: Observed = {
    ...before,
    presence,
    candidate: await candidateOf(resolved, claim, options),
    vmidTaken,
    activeTasks,
    hasBooted: hasBooted(vm, presence),
    lockedMs: processState.lockedSince === undefined ? 0 : now - processState.lockedSince,
    namesake: claim || !want.exists ? undefined : await namesakeOf(resolved, context),
    change: undefined,
    disks: undefined,
  };
  if (presence.kind !== 'seen' || !claim || !concernsUs(want, claim, presence.guest))
    return { want, have, cloudInit: undefined };
  return withOwn(
    vm,
    { resolved, want, guest: withAwaitedBoot(vm, presence.guest, now) },
    { have, claim, context },
  );
}

/** What a clone request was made with was written down before it; of an object that goes, nothing new is decided. */
const templateOf = (claim: Claim | undefined, creation: Creation): Vmid | undefined =>
  claim?.placement?.template ?? (creation.ok ? creation.template : undefined);

/** It is ours, or to be: then what would become of it is told before it is touched. */
const concernsUs = (want: Desired, claim: Claim, guest: Guest): boolean =>
  isSameOwner(guest.mark, want.owner) || awaitsAdoption(want, claim, guest);

/** The guest carries our mark, or is about to. */
async function withOwn(
  vm: VirtualMachine,
  {
    resolved,
    want,
    guest,
  }: { readonly resolved: ResolvedSpec; readonly want: Desired; readonly guest: Guest },
  {
    have,
    claim,
    context,
  }: { readonly have: Observed; readonly claim: Claim; readonly context: ObserveContext },
): Promise<Observation> {
  const hook = await readHook(vm.status?.hook, guest, handleOf(resolved), context.options);
  const made = claim.made || isSameOwner(guest.mark, want.owner);
  const own: Observed = { ...have, hook, presence: { kind: 'seen', guest }, claim: { ...claim, made } };
  return want.exists
    ? withChange(vm, { resolved, want, guest }, { have: own, context })
    : { want, have: own, cloudInit: undefined };
}

/** A guest that is there and not locked was cloned, also where the answer to the request was lost. */
function endCloneSlot(presence: Presence, { connection, owner }: ResolvedSpec): void {
  if (presence.kind === 'seen' && presence.guest.lock === undefined) connection.cloneSlots.end(owner.uid);
}

/** What has to change in a guest that is ours. */
async function withChange(
  vm: VirtualMachine,
  {
    resolved,
    want,
    guest,
  }: { readonly resolved: ResolvedSpec; readonly want: Wanted; readonly guest: Guest },
  { have, context }: { readonly have: Observed; readonly context: ObserveContext },
): Promise<Observation> {
  const known = want.cloudInit && { ...want, cloudInit: want.cloudInit };
  const cloudInit = known && (await cloudInitOf(vm, known, guest, { resolved, context }));
  const room = cpuRoomOf(resolved, guest.node);
  const keepTags = keepsTags(have.failure, context.processState);
  const written = { cloudInit, ...room, keepTags };
  const change = configChange(vm, want, guest, written);
  const judged = judgeDrift(change, guest, {
    digest: specDigest(want, guest, room),
    applied: isNew(vm, guest) ? undefined : vm.status?.internal?.appliedDigest,
    policy: want.driftPolicy,
  });
  const afterwards = cloudInitChange(vm, guest, { plan: cloudInit, now: have.now });
  const bestEffortWrites = bestEffortWritesOf(want, guest, {
    ownTags: have.ownTags,
    processState: context.processState,
    applied: isApplied(judged.digests),
    now: have.now,
  });
  const relocation = await relocate(vm, { resolved, want, guest }, context.options);
  const move = moveBeforeStart(vm, guest, resolved.host) ?? relocation?.move;
  const awaited = awaitedKeys(vm, want, guest, written);
  const due = { change: judged.change ?? afterwards, awaited, move, relocation };
  const disks = disksOf(vm, resolved, { want, guest, judged });
  return { want, have: { ...have, ...judged, ...bestEffortWrites, ...due, disks }, cloudInit };
}

function disksOf(
  { status }: VirtualMachine,
  { connection }: ResolvedSpec,
  {
    want,
    guest,
    judged,
  }: { readonly want: Wanted; readonly guest: Guest; readonly judged: ReturnType<typeof judgeDrift> },
): DiskWork {
  return diskWork(want, guest, {
    recorded: status?.disks ?? [],
    storages: connection.inventory.view()?.storages ?? [],
    isApplied: isApplied(judged.digests) && want.driftPolicy !== 'Revert',
  });
}
