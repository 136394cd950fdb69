/** VirtualMachine: resolve → observe → plan → perform → report. Read this file first; each verb is a file of its own. */
import type { VirtualMachine, VirtualMachineStatus } from '../../src/api/index.ts';
import type { GuestView } from '../../src/pve/index.ts';
import type { Digest } from '../../src/lib/hash.ts';
import type { Controller, Pass } from '../../src/runtime/controller.ts';
import { settled, type Outcome } from '../../src/runtime/outcome.ts';
import { scheduleAgentQuery, readAddresses, isBooting } from './guest-agent/ask.ts';
import { withBridges } from './networks/bridges.ts';
import { hasJustConsumed } from './cloud-init/status.ts';
import { createCreations } from './placement/creation.ts';
import { readAt } from './observe/drift-scan.ts';
import { asDryRun } from './report/dry-run.ts';
import { factsOf } from './report/facts.ts';
import { requireSlot } from './plan/clone-gate.ts';
import { requireMoveSlot, planBesidesMove } from './plan/move-gate.ts';
import { releasesWithoutPve } from './plan/leaving.ts';
import type { ProcessStates, ProcessState } from './model/process-state.ts';
import type { Task } from './model/tasks.ts';
import type { Plan, Step } from './model/plan.ts';
import { observe, type Observation } from './observe/observe.ts';
import { perform } from './perform/perform.ts';
import { updateProbe } from './guest-agent/probe.ts';
import { isDone, plan } from './plan/plan.ts';
import { observeRestart, type RestartPorts } from './restart/observe.ts';
import { isDue, scheduleRestartCheck, settledUntil } from './report/next-look.ts';
import type { Facts, Started } from './model/facts.ts';
import { HA_GRACE_MS, isRequest } from './plan/rules/ha.ts';
import { signatureOf, taken, tooSoon } from './plan/rules/repetition.ts';
import { infoOf } from './plan/step-info.ts';
import { createTaskWatch } from '../shared/tasks/watch.ts';
import { resolve, type ResolvePorts, type ResolvedSpec } from './resolve/resolve.ts';
import { isListed, listedAs, restKey } from './observe/rest-key.ts';
import {
  AT_ONCE,
  releasedResult,
  paused,
  withReadiness,
  resting,
  afterCleanup,
  unresolved,
  resultOf,
  wasReady,
  whileTaskRuns,
  type VmResult,
} from './report/outcome.ts';

type VmPass = Pass<VirtualMachine>;
interface Seen {
  readonly resolved: ResolvedSpec;
  readonly observation: Observation;
  /** What the list of guests said before. */
  readonly row: GuestView | undefined;
}

/** What a pass saw and means to do. Nothing needs to be seen for an object that never made anything. */
interface Decision {
  readonly next: Plan;
  readonly seen?: Seen;
  readonly processState: ProcessState;
  readonly pass: VmPass;
}

export interface VirtualMachinePorts extends ResolvePorts, RestartPorts {
  readonly processStates: ProcessStates;
  /** Of what Secrets say, for statuses that more people may read. */
  readonly digest: Digest;
  /** Asks for a pass over the object with this uid. */
  readonly enqueue: (uid: string) => void;
  /** Epoch ms. */
  readonly now: () => number;
}

export const FINALIZER = 'virtualmachine.infra.virtrigaud.io/finalizer';

export function virtualMachineController(
  ports: VirtualMachinePorts,
): Controller<VirtualMachine, VirtualMachineStatus> {
  const creations = withBridges(createCreations(ports.now), ports.now);
  const tasks = createTaskWatch({ wake: ports.enqueue, now: ports.now });

  async function reconcile(cached: VirtualMachine, pass: VmPass): Promise<VmResult> {
    const processState = ports.processStates.of(cached.metadata.uid);
    let vm = cached;
    // Plans are cheap and made on what the cache says; before anything is changed the object itself is read,
    // and if it is another by now, everything is looked at again with it.
    for (;;) {
      const decision = await decide(vm, processState, pass);
      if ('result' in decision) return decision.result;
      if (decision.next.kind !== 'act' && decision.next.kind !== 'gone') return carryOut(vm, decision);
      const fresh = await pass.reread();
      if (!fresh) return { outcome: settled(), status: vm.status ?? {} };
      if (fresh.metadata.resourceVersion === vm.metadata.resourceVersion) return carryOut(vm, decision);
      vm = fresh;
    }
  }

  async function decide(
    vm: VirtualMachine,
    processState: ProcessState,
    pass: VmPass,
  ): Promise<Decision | { readonly result: VmResult }> {
    const unasked = vm.metadata.deletionTimestamp === undefined ? undefined : releasesWithoutPve(vm);
    if (unasked) return { next: unasked, processState, pass };
    if (vm.spec.managementPolicy === 'Paused') {
      delete processState.rest;
      return { result: paused(vm) };
    }
    const resolution = await resolve(vm, ports);
    if (!resolution.ok) return { result: unresolved(vm, resolution) };
    const { resolved } = resolution;
    const row = listedAs(vm, resolved);
    const key = restKey(vm, resolved, row);
    if (isDue(processState.restartDueAt, pass.now.getTime())) delete processState.rest;
    if (key !== undefined && processState.rest?.key === key)
      return { result: await stillSettled(resolved, processState.rest, { vm, processState, pass }) };
    delete processState.rest;
    const context = {
      processState,
      creations,
      tasks,
      digest: ports.digest,
      options: { signal: pass.signal },
      now: pass.now.getTime(),
    };
    const observation = observeRestart(vm, await observe(vm, resolved, context), {
      resolved,
      processState,
      ports,
    });
    return {
      next: resolved.dryRun
        ? asDryRun(plan(observation.want, observation.have), observation.want)
        : planBesidesMove(observation, (next) =>
            requireMoveSlot(requireSlot(backOffRepeat(next, vm, context), resolved, 'ask'), observation, {
              resolved,
              how: 'ask',
            }),
          ),
      seen: { resolved, observation, row },
      processState,
      pass,
    };
  }

  async function carryOut(
    vm: VirtualMachine,
    { next: planned, seen, processState, pass }: Decision,
  ): Promise<VmResult> {
    if (planned.kind === 'gone' || !seen) {
      forget(vm, seen);
      return releasedResult(vm, planned, pass);
    }
    const { resolved, observation, row } = seen;
    const next = requireMoveSlot(requireSlot(planned, resolved, 'take'), observation, {
      resolved,
      how: 'take',
    });
    if (next.kind === 'wait' && isOpen(observation.have.task))
      return whileTaskRuns(vm, observation.have.task, next);
    const started =
      next.kind === 'act'
        ? await takeStep(next.step, vm, { resolved, observation, row, processState, pass })
        : undefined;
    const boots = isDone(next) && isBooting(processState, pass.now.getTime());
    const gathered = { ...observation, plan: next, started, boots };
    const facts = await factsOf(vm, resolved, gathered, { signal: pass.signal });
    const result = { ...resultOf(vm, facts), deferrable: isPassing(next, started) };
    if (isCleaningUp(next) && wasReady(vm)) return afterCleanup(vm, result, started);
    if (!isAtRest(next)) return result;
    await updateProbe(resolved, facts, {
      processState,
      now: pass.now.getTime(),
      options: { signal: pass.signal },
    });
    return rested(vm, { seen, processState, facts, result, now: pass.now.getTime() });
  }

  function rested(
    vm: VirtualMachine,
    {
      seen: { resolved, observation, row },
      processState,
      facts,
      result,
      now,
    }: {
      readonly seen: Seen;
      readonly processState: ProcessState;
      readonly facts: Facts;
      readonly result: VmResult;
      readonly now: number;
    },
  ): VmResult {
    resolved.connection.ledger.settle(vm.metadata.uid);
    if (hasJustConsumed(vm.status, result.status))
      return withReadiness(vm, resting(result, settled(AT_ONCE)), { resolved, processState });
    scheduleAgentQuery(facts, processState, now);
    scheduleRestartCheck(observation.have, processState);
    const reported = { ...vm, status: result.status };
    const key = restKey(reported, resolved, row);
    const at = readAt(now, isListed(reported, resolved) ? 'listed' : 'unlisted');
    if (key !== undefined)
      ports.processStates.settle(vm.metadata.uid, { key, result, facts, at }, resolved.connection.ledger);
    return withReadiness(vm, resting(result, settledUntil(processState, now)), { resolved, processState });
  }

  function forget({ metadata: { uid } }: VirtualMachine, seen: Seen | undefined): void {
    ports.processStates.forget(uid);
    seen?.resolved.connection.ledger.release(uid);
    seen?.resolved.connection.moveSlots.end(uid);
  }

  async function takeStep(
    step: Step,
    vm: VirtualMachine,
    {
      resolved,
      observation: { have, cloudInit },
      processState,
      pass,
    }: Seen & Omit<Decision, 'next' | 'seen'>,
  ): Promise<Started> {
    pass.log.info({ step: step.do, vmid: have.claim?.vmid }, 'step');
    // Until its task is written down and seen to end, nobody can say what becomes of a request.
    processState.quiescent = false;
    delete processState.startedTask;
    if (step.do === 'start') processState.boots = true;
    const guest = have.presence.kind === 'seen' ? have.presence.guest : undefined;
    const started = await perform(step, {
      resolved,
      processState,
      guest,
      generation: vm.metadata.generation,
      now: pass.now.getTime(),
      seedNode: vm.status?.internal?.cloudInit?.node,
      seedBytes: () => cloudInit?.build() ?? new Uint8Array(),
      options: { signal: pass.signal },
    });
    if (started.kind === 'task') processState.startedTask = started.upid;
    else processState.quiescent = true;
    if (started.kind === 'refused') {
      const { write, said } = started;
      processState.refusedWrites = {
        ...processState.refusedWrites,
        [write.key]: { value: write.value, said, at: pass.now.getTime() },
      };
    }
    const patience = isRequest(step, guest) ? HA_GRACE_MS : 0;
    // An image that was found to be gone was not asked to go once more.
    if (started.kind !== 'seedDeleted')
      processState.last = taken(
        processState.last,
        signatureOf(step, vm.metadata.generation),
        pass.now.getTime(),
        patience,
      );
    if (started.kind !== 'task') return started;
    const { connection } = resolved;
    const task = { connection, upid: started.upid, uid: vm.metadata.uid };
    return { ...started, followed: tasks.follow(task) };
  }

  /** Nothing has changed since everything was in order: at most the guest agent is asked once more. */
  async function stillSettled(
    resolved: ResolvedSpec,
    rest: NonNullable<ProcessState['rest']>,
    { vm, processState, pass }: { vm: VirtualMachine; processState: ProcessState; pass: VmPass },
  ): Promise<VmResult> {
    const now = pass.now.getTime();
    await updateProbe(resolved, rest.facts, { processState, now, options: { signal: pass.signal } });
    const ready = (result: VmResult, until: Outcome): VmResult =>
      withReadiness(vm, resting(result, until), { resolved, processState });
    if (!isDue(processState.agentDueAt, now)) return ready(rest.result, settledUntil(processState, now));
    const facts: Facts = {
      ...rest.facts,
      ...(await readAddresses(resolved, rest.facts, { signal: pass.signal })),
    };
    const result = resultOf(vm, facts);
    if (hasJustConsumed(vm.status, result.status)) {
      delete processState.rest;
      return ready(result, settled(AT_ONCE));
    }
    processState.rest = { ...rest, facts, result };
    scheduleAgentQuery(facts, processState, now);
    return ready(result, settledUntil(processState, now));
  }

  return { name: 'virtualmachine', finalizer: FINALIZER, reconcile };
}

/** How it ends is still to come: the status says all there is to say. */
const isOpen = (task: Task | undefined): boolean =>
  task?.state === 'running' || task?.state === 'unreachable';

const isAtRest = ({ kind }: Plan): boolean => kind === 'steady' || kind === 'withheld';

/** What was begun is seen in Proxmox VE, and what becomes of it is reported at once: nothing rests on this report. */
const isPassing = (next: Plan, started: Started | undefined): boolean =>
  started?.kind === 'task' ||
  (next.kind === 'act' && next.step.do === 'configure' && started?.kind === 'done');

/** The guest is as it shall be: that an image is cleared away is no reason to call it unready. */
const isCleaningUp = (next: Plan): boolean =>
  next.kind === 'act' && infoOf(next.step).isCleanup?.(next.step) === true;

/** A step that did not last is not repeated at once. */
function backOffRepeat(
  next: Plan,
  { metadata }: VirtualMachine,
  { processState, now }: { readonly processState: ProcessState; readonly now: number },
): Plan {
  if (next.kind !== 'act') return next;
  return tooSoon(processState.last, { step: next.step, generation: metadata.generation }, now) ?? next;
}
