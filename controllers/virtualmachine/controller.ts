/** VirtualMachine: resolve → observe → derive → plan → perform → report. Read this file first; each verb is a folder. */
import type { VirtualMachine, VirtualMachineStatus } from '../../src/api/index.ts';
import type { Controller, Pass } from '../../src/runtime/controller.ts';
import { settled } from '../../src/runtime/outcome.ts';
import type { RestartSlots } from '../shared/limits/restarts.ts';
import { createTaskWatch } from '../shared/tasks/watch.ts';
import { createReaders, type ReaderPorts } from './observe/readers.ts';
import { isStillBooting } from './guest-agent/ask.ts';
import { untilListedAsLeft, type LeftBehindPorts } from './left-behind.ts';
import type { Decision } from './model/decision.ts';
import type { Plan } from './model/plan.ts';
import type { ProcessState, ProcessStates } from './model/process-state.ts';
import type { ResolvedSpec } from './model/resolved-spec.ts';
import type { Observation } from './model/observation.ts';
import { isOpen } from './observe/inputs.ts';
import { observe } from './observe/observe.ts';
import { withPastMoments } from './observe/past-moments.ts';
import { releasesWithoutPve } from './plan/leaving.ts';
import { planBesidesMove } from './plan/move-gate.ts';
import { isDone, plan } from './plan/plan.ts';
import { asDryRun } from './report/dry-run.ts';
import { factsOf } from './report/facts.ts';
import {
  afterCleanup,
  isCleaningUp,
  isPassing,
  releasedResult,
  resultOf,
  wasReady,
  whileTaskRuns,
  type VmResult,
} from './report/outcome.ts';
import { afterError, paused } from './report/unresolved.ts';
import { withInitialRequest } from './restart/request.ts';
import { resolve, type ResolvePorts } from './resolve/resolve.ts';
import { beforeActing, versionsOf, type UpToDatePorts } from './up-to-date.ts';
import type { ClassPorts } from './restart/observe.ts';
import { invalidate, restKey, settle, surroundingsNow, whileSettled, untilListed } from './settled.ts';
import { askSlots, freeSlots, holdSlots, takeSlots } from './slots.ts';
import { backOffRepeat, takeStep } from './take-step.ts';
import { createOutages } from './outage.ts';
import { decideUnresolved, whileSwitchingOff } from './unresolved.ts';

type VmPass = Pass<VirtualMachine>;
const FINALIZER = 'virtualmachine.infra.virtrigaud.io/finalizer';

export interface VirtualMachinePorts
  extends ResolvePorts, ReaderPorts, UpToDatePorts, ClassPorts, LeftBehindPorts {
  readonly restartSlots: RestartSlots;
  readonly processStates: ProcessStates;
  /** Asks for a pass over the object with this uid. */
  readonly enqueue: (uid: string) => void;
}

export function virtualMachineController(
  vmPorts: VirtualMachinePorts,
): Controller<VirtualMachine, VirtualMachineStatus> {
  const { processStates, digest, enqueue, now: clock } = vmPorts;
  const ports = { ...vmPorts, tasks: createTaskWatch({ wake: enqueue, now: clock }) };
  const readers = createReaders(ports);
  const outages = createOutages(ports);

  const reconcile = (vm: VirtualMachine, pass: VmPass): Promise<VmResult> =>
    attempt(vm, pass).catch((error: unknown) => outages.behind(error, vm, pass.signal));

  async function attempt(cached: VirtualMachine, pass: VmPass): Promise<VmResult> {
    const state = processStates.of(cached.metadata.uid);
    // Plans are made on the cache. Before anything is changed the object is read; if it is another, it is decided again.
    for (let vm = withPastMoments(cached, pass.now.getTime()); ;) {
      const decision = await decide(vm, state, pass);
      if ('result' in decision) return decision.result;
      const decidedOn = versionsOf(vm, ports);
      if (decision.next.kind !== 'act' && decision.next.kind !== 'gone')
        return carryOut(vm, decision, { state, pass });
      const fresh = await pass.reread();
      if (!fresh) return { outcome: settled(), status: vm.status ?? {} };
      const held = await beforeActing({ vm, fresh, decidedOn }, decision, ports, pass.signal);
      if (!held) return carryOut(vm, decision, { state, pass });
      if (held !== 'outdated') return held;
      vm = withPastMoments(fresh, pass.now.getTime());
    }
  }

  async function decide(
    vm: VirtualMachine,
    state: ProcessState,
    pass: VmPass,
  ): Promise<Decision | { readonly result: VmResult }> {
    const released = releasesWithoutPve(vm);
    const held = released && untilListedAsLeft(vm, released, ports, pass.now.getTime());
    if (held) return { result: held };
    if (released) return { next: released };
    if (vm.spec.managementPolicy === 'Paused') {
      invalidate(state);
      return { result: paused(withInitialRequest(vm, pass.now.getTime())) };
    }
    const time = { now: pass.now.getTime(), options: { signal: pass.signal } };
    const look = (spec: ResolvedSpec): Promise<Observation> =>
      observe(vm, spec, { state, digest, ...readers, ...time }, (derived) =>
        holdSlots(vm, derived, { resolved: spec, state, ports }),
      );
    const again = (next: Plan): Plan => backOffRepeat(next, vm, { state, now: time.now });
    const resolution = await resolve(vm, ports);
    if (!resolution.ok && resolution.silentSince !== undefined)
      return { result: outages.report(vm, resolution.silentSince) };
    if (!resolution.ok)
      return decideUnresolved(withInitialRequest(vm, time.now), resolution, { look, again, state });
    const { resolved } = resolution;
    const before = surroundingsNow(vm, resolved);
    const result = await whileSettled(vm, restKey(vm, resolved, before), { resolved, state, ...time });
    if (result) return { result };
    invalidate(state);
    const observation = await look(resolved);
    const hold = (next: Plan): Plan => askSlots(again(next), observation, resolved);
    const next = resolved.dryRun
      ? asDryRun(plan(observation.want, observation.have), observation.want)
      : planBesidesMove(observation, hold);
    return { next, seen: { resolved, observation, row: before?.row } };
  }

  function letGo(vm: VirtualMachine, { next, seen }: Decision, pass: VmPass): VmResult {
    processStates.forget(vm.metadata.uid);
    if (seen) freeSlots(seen.resolved);
    return releasedResult(vm, next, pass);
  }

  async function carryOut(
    vm: VirtualMachine,
    { next: planned, seen }: Decision,
    { state, pass }: { readonly state: ProcessState; readonly pass: VmPass },
  ): Promise<VmResult> {
    if (planned.kind === 'gone' || !seen) return letGo(vm, { next: planned, seen }, pass);
    const { resolved, observation, row, missing } = seen;
    const time = { now: pass.now.getTime(), options: { signal: pass.signal } };
    const next = takeSlots(planned, observation, resolved);
    const { task } = observation.have;
    if (next.kind === 'wait' && isOpen(task)) return whileTaskRuns(vm, task, next);
    const step = { resolved, observation, state, pass, ports };
    const started = next.kind === 'act' ? await takeStep(next.step, vm, step) : undefined;
    if (missing) return whileSwitchingOff(vm, missing, { observation, next, started });
    const boots = isDone(next) && isStillBooting(state, time.now);
    const facts = await factsOf(vm, resolved, { ...observation, plan: next, started, boots }, time.options);
    const result = { ...resultOf(vm, facts), deferrable: isPassing(next, started) };
    if (isCleaningUp(next) && wasReady(vm)) return afterCleanup(vm, result, started);
    if (next.kind !== 'steady' && next.kind !== 'withheld') return untilListed(vm, result, resolved);
    return settle(vm, { facts, result, observation, row }, { resolved, state, processStates, ...time });
  }

  return { name: 'virtualmachine', finalizer: FINALIZER, reconcile, afterError };
}
