/** What a pass observed and did → its outcome, for the engine and for the user. */
import { omitUndefined } from '../../../src/lib/omit-undefined.ts';
import { millis, minutes, type Millis } from '../../../src/lib/units.ts';
import type { VirtualMachine, VirtualMachineStatus } from '../../../src/api/index.ts';
import {
  DOMAIN_CONDITIONS,
  type DomainCondition,
  type Pass,
  type ReconcileResult,
} from '../../../src/runtime/controller.ts';
import {
  progressed,
  released,
  settled,
  stalled,
  suspended,
  waiting,
  type Outcome,
} from '../../../src/runtime/outcome.ts';
import { reportConditions } from './conditions.ts';
import { eventsOf, isBeingMade, newsOf } from './events.ts';
import { leftBehindEvent } from '../plan/leaving.ts';
import { withheldOutcome } from '../plan/management.ts';
import type { ProcessState } from '../model/process-state.ts';
import type { Task } from '../model/tasks.ts';
import type { Plan } from '../model/plan.ts';
import { notReadyReason } from '../guest-agent/readiness.ts';
import type { Facts, Started } from '../model/facts.ts';
import { untilRestart } from './next-look.ts';
import { reportStatus } from './status.ts';
import { messageOf } from './message.ts';
import type { ResolvedSpec } from '../model/resolved-spec.ts';
import { firstLookMs } from '../../shared/tasks/in-progress.ts';
import { taskMessage } from '../../shared/tasks/labels.ts';
import { infoOf, TASKS } from '../steps/step-info.ts';

type Condition = NonNullable<VirtualMachineStatus['conditions']>[number];
export type VmResult = ReconcileResult<VirtualMachineStatus>;

/** The guest matches its spec; the probe decides whether it is ready. */
export function withReadiness(
  vm: VirtualMachine,
  result: VmResult,
  { resolved, processState }: { readonly resolved: ResolvedSpec; readonly processState: ProcessState },
): VmResult {
  const { outcome } = result;
  if (outcome.kind !== 'settled' || !resolved.probe || !processState.probe) return result;
  const why = notReadyReason(processState.probe, resolved.probe, wasReady(vm));
  return why
    ? {
        ...result,
        outcome: {
          ...suspended('False', why.reason, why.message),
          ...omitUndefined({ again: outcome.again }),
        },
      }
    : result;
}

/** Only the progress of the task is new in the status. */
export const whileTaskRuns = (
  vm: VirtualMachine,
  task: Task | undefined,
  next: Extract<Plan, { kind: 'wait' }>,
): VmResult =>
  unchanged(withProgress(vm, task), isCleanup(vm, task) ? settled(millis(next.againMs)) : outcomeOf(next));

const withProgress = (vm: VirtualMachine, task: Task | undefined): VirtualMachine =>
  vm.status?.task && task?.state === 'running' && task.progress !== undefined
    ? { ...vm, status: { ...vm.status, task: { ...vm.status.task, progress: task.progress } } }
    : vm;

/** The finalizer is removed. What is left behind in Proxmox VE is reported in the log and in an event. */
export function releasedResult(
  vm: VirtualMachine,
  next: Plan,
  { log }: Pick<Pass<VirtualMachine>, 'log'>,
): VmResult {
  const left = next.kind === 'gone' ? next.left : undefined;
  const note = left && leftBehindEvent(left);
  if (note) log[left.by === 'force' ? 'warn' : 'info']({ left }, note.message);
  return { outcome: released, status: vm.status ?? {}, ...(note && { events: [note] }) };
}

/** After a cleanup step phase, message and conditions stay as they were reported. */
export function afterCleanup(
  vm: VirtualMachine,
  { status, events, deferrable }: VmResult,
  started: Started | undefined,
): VmResult {
  const { phase, message } = vm.status ?? {};
  const { message: _doing, ...rest } = status;
  const reported = {
    ...vm,
    status: { ...rest, ...omitUndefined({ phase, message }), conditions: vm.status?.conditions },
  };
  return {
    ...unchanged(reported, settled(started?.kind === 'task' ? SOON : AT_ONCE)),
    ...omitUndefined({ events, deferrable }),
  };
}

const isCleanup = (vm: VirtualMachine, task: Task | undefined): boolean =>
  task?.type === 'DeleteImage' && wasReady(vm);

const SOON: Millis = millis(50);
export const AT_ONCE: Millis = millis(1);

/** The last report says that the VM matches the current spec. */
export const wasReady = ({ metadata, status }: VirtualMachine): boolean =>
  status?.conditions?.some(
    (condition) =>
      condition.type === 'Ready' &&
      condition.status === 'True' &&
      condition.observedGeneration === metadata.generation,
  ) === true;

/** The status is kept, because the pass observed nothing new. Whether an edited spec is in effect is not known. */
export function unchanged(vm: VirtualMachine, outcome: Outcome): VmResult {
  const { conditions = [], ...status } = vm.status ?? {};
  const current = conditions.filter(
    ({ type, observedGeneration }) => type !== 'Synced' || observedGeneration === vm.metadata.generation,
  );
  return { outcome, status, conditions: current.flatMap(domainCondition) };
}

function domainCondition({ type, status, reason, message }: Condition): DomainCondition[] {
  const known = DOMAIN_CONDITIONS.find((name) => name === type);
  return known ? [{ type: known, status, reason, message }] : [];
}

/** Waits as `until` says, also if that is because nothing may be done. */
export const resting = (result: VmResult, until: Outcome): VmResult => {
  const { outcome } = result;
  const again = 'again' in until ? until.again : undefined;
  if (outcome.kind !== 'suspended') return { ...result, outcome: until };
  return again === undefined ? result : { ...result, outcome: { ...outcome, again } };
};

export function resultOf(vm: VirtualMachine, facts: Facts): VmResult {
  const { plan: next, want, have, started } = facts;
  const outcome =
    next.kind === 'withheld'
      ? withheldOutcome(next, want, have)
      : untilRestart(outcomeOf(next, started), have);
  return {
    outcome,
    status: reportStatus(vm, facts),
    conditions: reportConditions(facts),
    events: [...eventsOf({ ...facts, isBeingMade: isBeingMade(vm) }), ...newsOf(vm, outcome)],
    // With a VMID, fields become immutable that may have been edited since they were read.
    bindsGeneration: started?.kind === 'claim',
  };
}

/** @param started a task that was just started is read again when such a task usually ends, or soon: the shortest takes a tenth of a second */
function outcomeOf(next: Exclude<Plan, { kind: 'withheld' }>, started?: Started): Outcome {
  switch (next.kind) {
    case 'steady':
      return settled();
    case 'gone':
      return released;
    case 'wait':
      return waiting(next.reason, next.message, millis(next.againMs));
    case 'refuse':
      return stalled(
        next.reason,
        next.message,
        next.againMs === undefined ? minutes(30) : millis(next.againMs),
      );
    case 'act': {
      return started?.kind === 'task'
        ? waiting('TaskRunning', taskMessage(TASKS, started.type), millis(firstLookMs(started)))
        : progressed('StepTaken', messageOf(next) ?? '');
    }
    default:
      return next satisfies never;
  }
}

/** The started step is visible in Proxmox VE and its result is reported at once, so nothing depends on this report. */
export const isPassing = (next: Plan, started: Started | undefined): boolean =>
  started?.kind === 'task' ||
  (next.kind === 'act' && next.step.do === 'configure' && started?.kind === 'done');

/** The guest matches its spec: removing an image does not make it unready. */
export const isCleaningUp = (next: Plan): boolean =>
  next.kind === 'act' && infoOf(next.step).isCleanup?.(next.step) === true;
