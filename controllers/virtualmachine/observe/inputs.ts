/** The inputs of questions and derivation, and the first conclusions of both. Pure. */
import { parseUpid } from '../../../src/pve/index.ts';
import type { VirtualMachine, Reason } from '../../../src/api/index.ts';
import type { Digest } from '../../../src/lib/hash.ts';
import type { NodeName, Upid, Vmid } from '../../../src/lib/units.ts';
import type { Guest, Presence } from '../../shared/guests/model.ts';
import type { Task } from '../model/tasks.ts';
import { isVague, withLogReason } from '../../shared/tasks/log-reason.ts';
import { labelOf } from '../../shared/tasks/labels.ts';
import { reachOf, type NodeReach } from '../../shared/tasks/node-reach.ts';
import type { Desired } from '../model/desired.ts';
import type { Claim } from '../model/observed.ts';
import type { Creation } from '../../shared/placement/model.ts';
import type { CloneRequest, InFlight, ProcessState } from '../model/process-state.ts';
import type { PlainSpec } from '../model/resolved-spec.ts';
import type { ClusterFacts } from '../model/surroundings.ts';
import { afterLook } from '../placement/clone-request.ts';
import { decideCreation, type CreationDecision } from '../placement/creation.ts';
import { isAdopting, awaitsAdoption } from '../ownership/adoption.ts';
import { isOwn } from '../ownership/identity.ts';
import { TASKS } from '../steps/step-info.ts';
import { desiredOf } from '../resolve/resolve.ts';
import { afterTask, lockedGuest } from './in-flight.ts';
import { progressAfter } from './progress.ts';
import type { RawFacts } from './raw-facts.ts';

export interface Inputs {
  readonly vm: VirtualMachine;
  readonly spec: PlainSpec;
  readonly raw: RawFacts;
  readonly cluster: ClusterFacts;
  /** As it was before the pass. */
  readonly state: ProcessState;
  readonly digest: Digest;
  /** Epoch ms. */
  readonly now: number;
}

interface NamedTask {
  readonly upid: Upid;
  readonly type: Task['type'];
  readonly target?: string | undefined;
  readonly node: NodeName;
  readonly ageMs: number;
  readonly reach: NodeReach;
}

/** The task that status names. */
export function namedTask({ vm, cluster: { view }, now }: Inputs): NamedTask | undefined {
  const { task, vmid } = vm.status ?? {};
  const parsed = task && parseUpid(task.upid);
  if (!task || !parsed) return undefined;
  const { upid, target, startedAt } = task;
  const type = labelOf(TASKS, task.type);
  const { node } = parsed;
  return { upid, type, target, node, ageMs: now - Date.parse(startedAt), reach: reachOf(view, node, vmid) };
}

/** Its result. */
export function taskIn(inputs: Inputs): Task | undefined {
  const { raw, state, cluster, now } = inputs;
  const named = namedTask(inputs);
  if (!named) return undefined;
  const { upid, type, target, node, ageMs, reach } = named;
  if (reach === 'offline') return { upid, type, state: 'unreachable', node };
  if (reach === 'gone') return { upid, type, state: 'lost' };
  switch (raw.task?.state) {
    case undefined:
      return undefined;
    case 'running': {
      const progress = progressAfter(state.progress, named, { log: raw.taskLog, now })?.text;
      return { upid, type, state: 'running', ageMs, timing: cluster.timing, progress };
    }
    case 'failed':
      return { upid, type, target, state: 'failed', exit: exitOf(raw.task.exitStatus, raw.taskLog) };
    case 'ok':
    case 'lost':
      return { upid, type, state: raw.task.state };
  }
}

const exitOf = (exit: string, log: readonly string[] = []): string =>
  isVague(exit) ? withLogReason(exit, log) : exit;

/** Whether and how it ends is not known yet. */
export const isOpen = (task: Task | undefined): boolean =>
  task?.state === 'running' || task?.state === 'unreachable';

/** While our task runs, and after it destroyed the guest, there is nothing to read. */
export const hidesGuest = (task: Task | undefined): boolean =>
  isOpen(task) || (task?.type === 'Destroy' && task.state === 'ok');

/** What follows from the task for our requests. */
export function requestsAfter(
  { state, now }: Inputs,
  task: Task | undefined,
): { readonly cloneRequest: CloneRequest; readonly inFlight: InFlight } {
  const hasEnded = task?.state === 'ok' || task?.state === 'failed';
  return {
    cloneRequest: afterLook(state.cloneRequest, task, { hasEnded, now }),
    inFlight: afterTask(state.inFlight, task, now),
  };
}

/** The VMID that an earlier pass reserved. */
export function claimIn({ vm, now }: Inputs, { outcome, unknownSince = 0 }: CloneRequest): Claim | undefined {
  const { vmid, name, placement, internal: { claimedAt, uuid } = {} } = vm.status ?? {};
  if (vmid === undefined) return undefined;
  const since = Math.max(claimedAt === undefined ? 0 : Date.parse(claimedAt), unknownSince);
  return {
    vmid,
    ageMs: now - since,
    made: name !== undefined,
    certain: outcome !== undefined,
    ...(uuid !== undefined && { uuid }),
    ...(placement && { placement }),
  };
}

/** There can be no guest: nothing was requested with our VMID yet. */
const cannotExist = ({ cluster: { view } }: Inputs, claim: Claim, { outcome }: CloneRequest): boolean =>
  outcome === 'unsent' && !claim.made && view?.guests.has(claim.vmid) !== true;

/** Where the guest is; `undefined`: that must be read first. */
export function presenceIn(
  inputs: Inputs,
  claim: Claim | undefined,
  cloneRequest: CloneRequest,
): Presence | undefined {
  if (inputs.raw.presence) return inputs.raw.presence;
  return claim === undefined || cannotExist(inputs, claim, cloneRequest) ? { kind: 'notMade' } : undefined;
}

const notDecided = (reason: Reason, message: string): CreationDecision => ({
  creation: { ok: false, reason, message },
});

export const NOT_DECIDED = notDecided('GuestExists', 'The guest exists already.');
const ADOPTS = notDecided('Adopts', 'An existing VM is adopted, and none is created.');

/** How the guest would be created, if there is none. */
export function creationIn(
  { spec, raw, cluster }: Inputs,
  claim: Claim | undefined,
  presence: Presence,
): CreationDecision {
  if (claim?.made === true || presence.kind === 'seen') return NOT_DECIDED;
  if (spec.refused) return notDecided(spec.refused.reason, spec.refused.message);
  return isAdopting(desiredOf(spec, NOT_DECIDED.creation), claim)
    ? ADOPTS
    : decideCreation(spec, claim, raw, cluster);
}

/** The inputs of a clone request are recorded before it is sent; for an object that is being deleted nothing is decided. */
export const templateIn = (claim: Claim | undefined, creation: Creation): Vmid | undefined =>
  claim?.placement ? (claim.placement.template ?? claim.vmid) : creation.ok ? creation.template : undefined;

/** A locked guest is read again after the tasks: a lock whose task has ended is released by then. */
export const presenceAfterTasks = (
  { raw }: Inputs,
  presence: Presence,
  tasks: readonly Upid[] | undefined,
): Presence =>
  tasks?.length === 0 && lockedGuest(presence) !== undefined ? (raw.presenceAgain ?? presence) : presence;

/** The guest, if it is ours or is to be adopted: the changes are computed before it is touched. */
export function ownGuest(want: Desired, claim: Claim | undefined, presence: Presence): Guest | undefined {
  if (presence.kind !== 'seen' || !claim) return undefined;
  const { guest } = presence;
  return isOwn(guest, want.owner, claim) || awaitsAdoption(want, claim, guest) ? guest : undefined;
}
