/**
 * Slots and promises that VMs compete for: clones, moves, restarts, room on nodes, and tasks that are followed. They are
 * taken, held and freed here and nowhere else. Once per pass `holdSlots` aligns them with what was observed;
 * `takeSlots` takes what the step needs, and `afterStep` or `afterRefusal` keeps or frees it.
 */
import type { VirtualMachine } from '../../src/api/index.ts';
import { parseUpid } from '../../src/pve/index.ts';
import { ExpectedError } from '../shared/errors/expected-error.ts';
import { isRefusal } from '../shared/errors/refusals.ts';
import type { RestartSlots } from '../shared/limits/restarts.ts';
import type { Task } from './model/tasks.ts';
import type { TaskWatch } from '../shared/tasks/watch.ts';
import type { Started } from './model/facts.ts';
import type { Claim } from './model/observed.ts';
import type { Plan, Step } from './model/plan.ts';
import { remember, type ProcessState } from './model/process-state.ts';
import type { ResolvedSpec } from './model/resolved-spec.ts';
import type { Derived } from './observe/derive.ts';
import type { Observation } from './model/observation.ts';
import { isOpen } from './observe/inputs.ts';
import { requireSlot } from './plan/clone-gate.ts';
import { requireMoveSlot } from './plan/move-gate.ts';
import { wouldStayOff } from './plan/rules/restart.ts';
import { reservationFor } from './placement/relocation.ts';
import { noteOf } from './restart/doubt.ts';
import { downBeside, restartKey, type ClassPorts } from './restart/observe.ts';
import { restartOf } from './restart/with-restart.ts';

export interface SlotPorts extends ClassPorts {
  readonly restartSlots: RestartSlots;
  readonly tasks: TaskWatch;
}

interface SlotContext {
  readonly resolved: ResolvedSpec;
  readonly state: ProcessState;
  readonly ports: SlotPorts;
}

/** Brings what this VM holds in line with what was observed, and completes the observation by it. */
export function holdSlots(vm: VirtualMachine, derived: Derived, context: SlotContext): Observation {
  const { promise, learned, ...observation } = derived;
  remember(context.state, learned);
  holdRoom(promise, observation.have.claim, context.resolved);
  holdClone(observation, context.resolved);
  holdMove(observation.have.task, context.resolved);
  const { have } = observation;
  const task = followTask(have.task, context);
  return holdRestart(vm, { ...observation, have: { ...have, task } }, context);
}

/** Room for a VM that is not placed now, and that nothing is recorded of, would be kept from others. */
function holdRoom(
  promise: Derived['promise'],
  claim: Claim | undefined,
  { connection: { ledger }, owner }: ResolvedSpec,
): void {
  if (promise === 'none' || (!promise && !claim)) ledger.release(owner.uid);
  else if (promise) ledger.promise(owner.uid, promise);
}

/** The same for a VM whose spec cannot be resolved. */
export function freeUnclaimedRoom({ status }: VirtualMachine, { connection, owner }: ResolvedSpec): void {
  if (status?.vmid === undefined) connection.ledger.release(owner.uid);
}

/** A guest that is there and not locked was cloned, also where the answer to the request was lost. */
function holdClone(
  { have: { task, presence } }: Observation,
  { connection: { cloneSlots }, owner }: ResolvedSpec,
): void {
  const hasEnded = task?.type === 'Clone' && !isOpen(task);
  const isThere = presence.kind === 'seen' && presence.guest.lock === undefined;
  if (hasEnded || isThere) cloneSlots.end(owner.uid);
}

/** An earlier process may have begun the move. */
function holdMove(task: Task | undefined, { connection: { moveSlots }, owner, host }: ResolvedSpec): void {
  const from = task?.type === 'Migrate' && isOpen(task) ? parseUpid(task.upid)?.node : undefined;
  if (from === undefined) moveSlots.end(owner.uid);
  else moveSlots.hold(owner.uid, { from, to: host ?? from });
}

function followTask(
  task: Task | undefined,
  { resolved: { connection, owner }, ports: { tasks } }: SlotContext,
): Task | undefined {
  if (!task || task.state === 'unreachable') return task;
  const { upid } = task;
  if (task.state === 'running') {
    const followed = tasks.follow({ connection, upid, uid: owner.uid });
    return { ...task, followed, usualMs: tasks.usualMs({ connection, upid }) };
  }
  tasks.forget({ connection, upid });
  return task;
}

function holdRestart(
  vm: VirtualMachine,
  observation: Observation,
  { resolved, state, ports }: SlotContext,
): Observation {
  const { want, have } = observation;
  const { restartSlots } = ports;
  const { connection, owner, dryRun = false } = resolved;
  if (!want.exists) {
    restartSlots.forget(owner.uid);
    return observation;
  }
  const { uid, namespace, name } = vm.metadata;
  const key = restartKey(vm, connection);
  const claims = new Set<string>();
  const claimSlot = (): ReturnType<RestartSlots['claim']> => {
    claims.add(key);
    // What was announced had its turn already.
    const blockedBy = noteOf(vm) ? undefined : downBeside(vm, connection, ports);
    return restartSlots.claim(key, { uid, name: `${namespace}/${name}` }, blockedBy);
  };
  const { restart, doubt, guest } = restartOf(vm, want, have, {
    doubt: state.restart,
    wouldStayOff: wouldStayOff(have),
    // In a dry run nothing is done, so no slot is claimed.
    claimSlot: dryRun ? () => undefined : claimSlot,
  });
  remember(state, { restart: doubt });
  if (guest && claims.size === 0 && !dryRun) restartSlots.release(key, uid);
  return { ...observation, have: { ...have, restart } };
}

/** Whether there are slots for the step; otherwise the plan waits. */
export const askSlots = (next: Plan, observation: Observation, resolved: ResolvedSpec): Plan =>
  requireMoveSlot(requireSlot(next, resolved, 'ask'), observation, { resolved, how: 'ask' });

/** Takes the slots that the step needs, and the room that a move takes on its node; otherwise the plan waits. */
export function takeSlots(next: Plan, observation: Observation, resolved: ResolvedSpec): Plan {
  const taken = requireMoveSlot(requireSlot(next, resolved, 'take'), observation, { resolved, how: 'take' });
  if (taken.kind === 'act') promiseMove(taken.step, observation, resolved);
  return taken;
}

function promiseMove(
  step: Step,
  { have: { presence } }: Observation,
  { connection: { ledger, inventory }, owner, shape }: ResolvedSpec,
): void {
  const view = inventory.view();
  if (step.do !== 'migrate' || !step.move.asked || presence.kind !== 'seen' || !view) return;
  const memory = presence.guest.running ? (shape?.memory ?? 0) : 0;
  ledger.promise(owner.uid, reservationFor(presence.guest, step.move.to, { view, memory }));
}

/** What a step that was taken means for the slots. */
export function afterStep(
  step: Step,
  started: Started,
  { resolved: { connection, owner }, ports }: Pick<SlotContext, 'resolved' | 'ports'>,
): Started {
  if (step.do === 'releaseClaim') {
    connection.ledger.release(owner.uid);
    connection.cloneSlots.end(owner.uid);
  }
  if (started.kind !== 'task') return started;
  if (step.do === 'clone') connection.cloneSlots.started(owner.uid, started.upid);
  const task = { connection, upid: started.upid, uid: owner.uid };
  return { ...started, followed: ports.tasks.follow(task), usualMs: ports.tasks.usualMs(task) };
}

export function afterRefusal(step: Step, error: unknown, { connection, owner }: ResolvedSpec): void {
  const original = error instanceof ExpectedError ? error.cause : error;
  if (step.do === 'clone' && isRefusal(original)) connection.cloneSlots.end(owner.uid);
}

/** The guest is as it should be: it needs no more room than it shows. */
export const settleRoom = ({ connection, owner }: ResolvedSpec): void => connection.ledger.settle(owner.uid);

/** The object is gone, and so is what it held. */
export function freeSlots({ connection, owner }: ResolvedSpec): void {
  connection.ledger.release(owner.uid);
  connection.moveSlots.end(owner.uid);
}
