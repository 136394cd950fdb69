/**
 * What follows from what was read: the desired guest, what there is, and what this process learned. The same for the
 * operator and for the properties that its plan is tested with. Pure.
 */
import type { Guest, PendingChange, Presence } from '../../shared/guests/model.ts';
import { smbiosUuidOf } from '../../shared/guests/identity.ts';
import { failureAfter } from '../../shared/tasks/failure.ts';
import type { Task } from '../model/tasks.ts';
import { cdromWork } from '../cdroms/drives.ts';
import { cpuRoomOf } from '../config/cpu-room.ts';
import { isNew } from '../config/is-new.ts';
import { displacedDrive } from '../cloud-init/own-drive.ts';
import { withAwaitedBoot } from '../cloud-init/seed-drive.ts';
import { hookIn } from '../guest-agent/hooks.ts';
import type { VirtualMachine } from '../../../src/api/index.ts';
import { omitUndefined } from '../../../src/lib/omit-undefined.ts';
import { isOwn } from '../ownership/identity.ts';
import type { Desired } from '../model/desired.ts';
import { writesUnrecorded } from '../networks/record.ts';
import { newGuestSettings, newRootDevice } from '../placement/new-guest.ts';
import type { Observation } from '../model/observation.ts';
import type { Claim, Observed } from '../model/observed.ts';
import type { Creation } from '../../shared/placement/model.ts';
import type { CloneRequest, ProcessState } from '../model/process-state.ts';
import type { CreationDecision } from '../placement/creation.ts';
import { judgeRevert } from '../revert/judge.ts';
import { stableRefusal } from '../placement/refusal.ts';
import { vmidHolder } from '../placement/vmid-holder.ts';
import { hasBooted } from '../plan/leaving.ts';
import { TASKS } from '../steps/step-info.ts';
import { desiredOf } from '../resolve/resolve.ts';
import { changeOf } from './change.ts';
import { afterTasks, tasksOn } from './in-flight.ts';
import {
  claimIn,
  creationIn,
  hidesGuest,
  namedTask,
  NOT_DECIDED,
  ownGuest,
  presenceAfterTasks,
  presenceIn,
  requestsAfter,
  taskIn,
  templateIn,
  type Inputs,
} from './inputs.ts';
import { progressAfter } from './progress.ts';
import { surroundingsOf } from './surroundings.ts';

export interface Derived extends Observation {
  /** What to reserve for the VM on a node; `none`: no node takes it. Absent: nothing was decided about it. */
  readonly promise: CreationDecision['promise'];
  /** Slices of the process state as they are after the observation. */
  readonly learned: Partial<ProcessState>;
}

/** @param inputs with an answer to every question */
export function derive(inputs: Inputs): Derived {
  const task = taskIn(inputs);
  const requests = requestsAfter(inputs, task);
  const before = beforeGuest(inputs, task, requests.cloneRequest);
  const learned = { ...requests, ...progressIn(inputs) };
  return hidesGuest(task)
    ? {
        want: desiredOf(inputs.spec, NOT_DECIDED.creation),
        have: before,
        cloudInit: undefined,
        promise: undefined,
        learned,
      }
    : withGuest(inputs, before, learned);
}

function progressIn(inputs: Inputs): Pick<ProcessState, 'progress'> {
  const { raw, state, now } = inputs;
  const named = namedTask(inputs);
  if (!named || raw.task?.state !== 'running') return {};
  const progress = progressAfter(state.progress, named, { log: raw.taskLog, now });
  return progress ? { progress } : {};
}

/** What is known before the guest is looked for. */
function beforeGuest(inputs: Inputs, task: Task | undefined, cloneRequest: CloneRequest): Observed {
  const { vm, now } = inputs;
  const { generation } = vm.metadata;
  return {
    now,
    ...revertIn(inputs),
    noQuorum: inputs.cluster.view?.quorate === 'no',
    task,
    claim: claimIn(inputs, cloneRequest),
    failure: failureAfter(vm.status?.failure, task, { table: TASKS, generation, now }),
    ...seedIn(vm),
    hook: hookIn(vm.status?.hook),
    generation,
    ownTags: vm.status?.internal?.tags ?? [],
    bestEffortWrites: [],
    notApplied: [],
    presence: { kind: 'absent' },
    activeTasks: [],
    lockedMs: 0,
    namesakes: [],
    requestedChanges: requestedIn(vm),
    change: undefined,
    disks: undefined,
  };
}

function seedIn({ status }: VirtualMachine): Pick<Observed, 'seedVolume' | 'seedKeptBy'> {
  const { volume, keptBy } = status?.internal?.cloudInit ?? {};
  return { seedVolume: volume, seedKeptBy: keptBy };
}

function revertIn({
  vm: { metadata, status },
  spec: { snapshots, vmSnapshots, applyAfterRevert: applyAt },
}: Inputs): Pick<Observed, 'snapshots' | 'vmSnapshots' | 'revert'> {
  const revert = judgeRevert({
    recorded: status?.internal?.revert,
    snapshots: snapshots ?? [],
    vmid: status?.vmid,
    generation: metadata.generation,
    applyAt,
  });
  return { revert, ...(snapshots && { snapshots }), ...(vmSnapshots && { vmSnapshots }) };
}

function requestedIn({ status }: VirtualMachine): Observed['requestedChanges'] {
  const keys = status?.internal?.requestedChanges ?? [];
  return (status?.pendingChanges ?? []).flatMap((row) => (keys.includes(row.key) ? [requested(row)] : []));
}

const requested = ({ key, current, pending }: PendingRow): PendingChange => ({
  key,
  ...omitUndefined({ current, pending }),
});

type PendingRow = NonNullable<NonNullable<VirtualMachine['status']>['pendingChanges']>[number];

type Requests = Pick<ProcessState, 'cloneRequest' | 'inFlight'>;

/** Where the VMID is lost from the status, the list is older than that: it is read again. */
const isSurveyed = ({ state, raw }: Inputs, claim: Claim | undefined): boolean =>
  claim === undefined && (state.surveyed || raw.namesakes !== undefined);

function withGuest(inputs: Inputs, before: Observed, learned: Requests & Partial<ProcessState>): Derived {
  const { vm, spec, raw, cluster, state, now } = inputs;
  const { claim } = before;
  const located = presenceIn(inputs, claim, learned.cloneRequest) ?? UNREAD;
  const decision = creationIn(inputs, claim, located);
  const { creation, ...refusal } = refusalIn(state, decision, now);
  const tasks = raw.activeTasks && claim && tasksOn(raw.activeTasks, claim, templateIn(claim, creation));
  const presence = presenceAfterTasks(inputs, located, tasks);
  const inFlight = afterTasks(learned.inFlight, located, { tasks, now });
  const want = desiredOf(spec, creation);
  const have: Observed = {
    ...before,
    presence,
    failure: locatedFailure(before.failure, presence),
    candidate: raw.candidate,
    vmidTaken: vmidHolder({ spec, claim, creation }, cluster, raw.vmidIsFree),
    activeTasks: tasks ?? [],
    hasBooted: hasBooted(vm, presence),
    stoppedMs: inFlight.stoppedAt === undefined ? undefined : now - inFlight.stoppedAt,
    lockedMs: inFlight.lockedSince === undefined ? 0 : now - inFlight.lockedSince,
    namesakes: raw.namesakes ?? [],
  };
  const surveyed = isSurveyed(inputs, claim);
  const derived: Derived = {
    want,
    have: { ...have, ...(claim && newGuestIn(inputs, want, presence)) },
    cloudInit: undefined,
    surroundings: presence.kind === 'seen' ? surroundingsOf(cluster, spec, presence.guest) : undefined,
    promise: decision.promise,
    learned: { ...learned, ...refusal, inFlight, surveyed },
  };
  const own = ownGuest(want, claim, presence);
  return own && claim ? withOwn(inputs, derived, { claim, guest: own }) : derived;
}

/** What a guest without a template is made with, before there is one. */
function newGuestIn(
  { vm, spec, cluster }: Inputs,
  want: Desired,
  presence: Presence,
): Pick<Observed, 'newGuest' | 'cdroms' | 'unrecordedNics'> {
  if (!want.exists || !want.creation.ok || presence.kind === 'seen') return {};
  const { creation } = want;
  if (creation.template !== undefined) return {};
  const { node, rootStorage } = creation;
  const newGuest = newGuestSettings(vm, want, creation, {
    room: cpuRoomOf(spec, cluster, node),
    release: cluster.releases?.get(node),
    storageType: cluster.view?.storages.find(({ storage }) => storage === rootStorage)?.type,
  });
  const root = newRootDevice(want);
  return {
    newGuest,
    cdroms: cdromWork(vm, want, undefined, {
      drives: { config: { [root]: String(newGuest[root]) }, pending: [] },
    }),
    unrecordedNics: writesUnrecorded(vm, want, { change: { set: newGuest }, config: {} }),
  };
}

const locatedFailure = (failure: Observed['failure'], presence: Presence): Observed['failure'] =>
  failure && presence.kind === 'seen' ? { ...failure, node: presence.guest.node } : failure;

/** Not reached if every question has its answer: without one, nothing is concluded. */
const UNREAD: Presence = { kind: 'unknown', message: 'The guest was not read.' };

/** The message of an earlier refusal is kept as long as only amounts differ. */
function refusalIn(
  { placementRefusal }: ProcessState,
  { creation, promise }: CreationDecision,
  now: number,
): { readonly creation: Creation } & Pick<ProcessState, 'placementRefusal'> {
  if (creation.ok) return { creation, placementRefusal: undefined };
  if (promise === undefined) return { creation };
  const steady = stableRefusal(placementRefusal, creation, now);
  return { creation: steady.creation, placementRefusal: steady };
}

/** The guest carries our mark, or is about to. */
function withOwn(
  inputs: Inputs,
  derived: Derived,
  { claim, guest: seen }: { readonly claim: Claim; readonly guest: Guest },
): Derived {
  const { vm, raw, now } = inputs;
  const { want } = derived;
  const guest = withAwaitedBoot(vm, seen, now);
  const { surroundings } = derived;
  const have: Observed = {
    ...derived.have,
    hook: hookIn(vm.status?.hook, raw.execution),
    unconfigured: isNew(vm, guest),
    listedSnapshots: raw.snapshots === 'unread' ? undefined : raw.snapshots,
    presence: { kind: 'seen', guest },
    claim: isOwn(guest, want.owner, claim)
      ? { ...claim, made: true, ...omitUndefined({ uuid: smbiosUuidOf(guest.config) }) }
      : claim,
  };
  if (!want.exists)
    return {
      ...derived,
      have: { ...have, displacedDrive: displacedDrive(vm, guest), linkedClones: raw.linkedClones },
    };
  if (!surroundings) return { ...derived, have };
  const { cloudInit, ...due } = changeOf(inputs, { want, have, guest, surroundings });
  return { ...derived, have: { ...have, ...due }, cloudInit };
}
