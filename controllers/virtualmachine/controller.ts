/** VirtualMachine: resolve → observe → plan → perform → report. Read this file first; each verb is a file of its own. */
import type { VirtualMachine, VirtualMachineStatus } from '../../src/api/index.ts';
import type { GuestView } from '../../src/pve/index.ts';
import type { Digest } from '../../src/lib/hash.ts';
import type { Controller, Pass } from '../../src/runtime/controller.ts';
import { settled, type Outcome } from '../../src/runtime/outcome.ts';
import { nextAgentLook, readAddresses, stillBoots } from './guest-agent/ask.ts';
import { withBridges } from './networks/bridges.ts';
import { hasJustServed } from './cloud-init/status.ts';
import { createCreations } from './placement/creation.ts';
import { readAt } from './observation/drift-scan.ts';
import { rehearsed } from './reporting/dry-run.ts';
import { factsOf } from './reporting/facts.ts';
import { inTurn } from './placement/clone-queue.ts';
import { moveInTurn, planBesidesMove } from './placement/move-queue.ts';
import { goesUnasked } from './leaving.ts';
import type { GuestMemories, GuestMemory } from './memory.ts';
import type { Task } from './model/observed.ts';
import type { Plan, Step } from './model/plan.ts';
import { observe, type Sight } from './observe.ts';
import { perform } from './perform.ts';
import { probeAgain } from './guest-agent/probe.ts';
import { isDone, plan } from './plan.ts';
import { lookAtRestart, type RestartPorts } from './restart/look.ts';
import { isDue, scheduleRestartLook, settledUntil } from './reporting/next-look.ts';
import type { Facts, Started } from './model/facts.ts';
import { HA_PATIENCE_MS, isRequest } from './rules/ha.ts';
import { signatureOf, taken, tooSoon } from './rules/repetition.ts';
import { createTaskWatch } from './observation/task-watch.ts';
import { resolve, type ResolvePorts, type Wish } from './resolve.ts';
import { isListed, listedAs, restKey } from './rest-key.ts';
import {
  AT_ONCE,
  farewellTo,
  paused,
  readied,
  resting,
  tidied,
  unresolved,
  verdictOf,
  wasReady,
  whileTaskRuns,
  type VmVerdict,
} from './verdict.ts';

type VmPass = Pass<VirtualMachine>;
interface Seen {
  readonly wish: Wish;
  readonly sight: Sight;
  /** What the list of guests said before. */
  readonly row: GuestView | undefined;
}

/** What a pass saw and means to do. Nothing needs to be seen for an object that never made anything. */
interface Decision {
  readonly next: Plan;
  readonly seen?: Seen;
  readonly memory: GuestMemory;
  readonly pass: VmPass;
}

export interface VirtualMachinePorts extends ResolvePorts, RestartPorts {
  readonly memories: GuestMemories;
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

  async function reconcile(cached: VirtualMachine, pass: VmPass): Promise<VmVerdict> {
    const memory = ports.memories.of(cached.metadata.uid);
    let vm = cached;
    // Plans are cheap and made on what the cache says; before anything is changed the object itself is read,
    // and if it is another by now, everything is looked at again with it.
    for (;;) {
      const decision = await decide(vm, memory, pass);
      if ('verdict' in decision) return decision.verdict;
      if (decision.next.kind !== 'act' && decision.next.kind !== 'gone') return carryOut(vm, decision);
      const fresh = await pass.reread();
      if (!fresh) return { outcome: settled(), status: vm.status ?? {} };
      if (fresh.metadata.resourceVersion === vm.metadata.resourceVersion) return carryOut(vm, decision);
      vm = fresh;
    }
  }

  async function decide(
    vm: VirtualMachine,
    memory: GuestMemory,
    pass: VmPass,
  ): Promise<Decision | { readonly verdict: VmVerdict }> {
    const unasked = vm.metadata.deletionTimestamp === undefined ? undefined : goesUnasked(vm);
    if (unasked) return { next: unasked, memory, pass };
    if (vm.spec.managementPolicy === 'Paused') {
      delete memory.rest;
      return { verdict: paused(vm) };
    }
    const resolved = await resolve(vm, ports);
    if (!resolved.ok) return { verdict: unresolved(vm, resolved) };
    const { wish } = resolved;
    const row = listedAs(vm, wish);
    const key = restKey(vm, wish, row);
    if (isDue(memory.restartDueAt, pass.now.getTime())) delete memory.rest;
    if (key !== undefined && memory.rest?.key === key)
      return { verdict: await restAgain(wish, memory.rest, { vm, memory, pass }) };
    delete memory.rest;
    const context = {
      memory,
      creations,
      tasks,
      digest: ports.digest,
      options: { signal: pass.signal },
      now: pass.now.getTime(),
    };
    const sight = lookAtRestart(vm, await observe(vm, wish, context), { wish, memory, ports });
    return {
      next: wish.dryRun
        ? rehearsed(plan(sight.want, sight.have), sight.want)
        : planBesidesMove(sight, (next) =>
            moveInTurn(inTurn(unhurried(next, vm, context), wish, 'ask'), sight, { wish, how: 'ask' }),
          ),
      seen: { wish, sight, row },
      memory,
      pass,
    };
  }

  async function carryOut(
    vm: VirtualMachine,
    { next: planned, seen, memory, pass }: Decision,
  ): Promise<VmVerdict> {
    if (planned.kind === 'gone' || !seen) {
      forget(vm, seen);
      return farewellTo(vm, planned, pass);
    }
    const { wish, sight, row } = seen;
    const next = moveInTurn(inTurn(planned, wish, 'take'), sight, { wish, how: 'take' });
    if (next.kind === 'wait' && isOpen(sight.have.task)) return whileTaskRuns(vm, sight.have.task, next);
    const started =
      next.kind === 'act' ? await takeStep(next.step, vm, { wish, sight, row, memory, pass }) : undefined;
    const boots = isDone(next) && stillBoots(memory, pass.now.getTime());
    const gathered = { ...sight, plan: next, started, boots };
    const facts = await factsOf(vm, wish, gathered, { signal: pass.signal });
    const verdict = { ...verdictOf(vm, facts), mayWait: isPassing(next, started) };
    if (isTidying(next) && wasReady(vm)) return tidied(vm, verdict, started);
    if (!isAtRest(next)) return verdict;
    await probeAgain(wish, facts, { memory, now: pass.now.getTime(), options: { signal: pass.signal } });
    return rested(vm, { seen, memory, facts, verdict, now: pass.now.getTime() });
  }

  function rested(
    vm: VirtualMachine,
    {
      seen: { wish, sight, row },
      memory,
      facts,
      verdict,
      now,
    }: {
      readonly seen: Seen;
      readonly memory: GuestMemory;
      readonly facts: Facts;
      readonly verdict: VmVerdict;
      readonly now: number;
    },
  ): VmVerdict {
    wish.connection.ledger.settle(vm.metadata.uid);
    if (hasJustServed(vm.status, verdict.status))
      return readied(vm, resting(verdict, settled(AT_ONCE)), { wish, memory });
    nextAgentLook(facts, memory, now);
    scheduleRestartLook(sight.have, memory);
    const reported = { ...vm, status: verdict.status };
    const key = restKey(reported, wish, row);
    const at = readAt(now, isListed(reported, wish) ? 'listed' : 'unlisted');
    if (key !== undefined) memory.rest = { key, verdict, facts, at };
    return readied(vm, resting(verdict, settledUntil(memory, now)), { wish, memory });
  }

  function forget({ metadata: { uid } }: VirtualMachine, seen: Seen | undefined): void {
    ports.memories.forget(uid);
    seen?.wish.connection.ledger.release(uid);
    seen?.wish.connection.moves.end(uid);
  }

  async function takeStep(
    step: Step,
    vm: VirtualMachine,
    { wish, sight: { have, cloudInit }, memory, pass }: Seen & Omit<Decision, 'next' | 'seen'>,
  ): Promise<Started> {
    pass.log.info({ step: step.do, vmid: have.claim?.vmid }, 'step');
    // Until its task is written down and seen to end, nobody can say what becomes of a request.
    memory.calm = false;
    delete memory.begun;
    if (step.do === 'start') memory.boots = true;
    const guest = have.presence.kind === 'seen' ? have.presence.guest : undefined;
    const started = await perform(step, {
      wish,
      memory,
      guest,
      generation: vm.metadata.generation,
      now: pass.now.getTime(),
      seedNode: vm.status?.cloudInit?.node,
      seedBytes: () => cloudInit?.build() ?? new Uint8Array(),
      options: { signal: pass.signal },
    });
    if (started.kind === 'task') memory.begun = started.upid;
    else memory.calm = true;
    if (started.kind === 'refused') {
      const { aside, said } = started;
      memory.refusedAsides = {
        ...memory.refusedAsides,
        [aside.key]: { value: aside.value, said, at: pass.now.getTime() },
      };
    }
    const patience = isRequest(step, guest) ? HA_PATIENCE_MS : 0;
    // An image that was found to be gone was not asked to go once more.
    if (started.kind !== 'seedDeleted')
      memory.last = taken(
        memory.last,
        signatureOf(step, vm.metadata.generation),
        pass.now.getTime(),
        patience,
      );
    if (started.kind !== 'task') return started;
    const { connection } = wish;
    const task = { connection, upid: started.upid, uid: vm.metadata.uid };
    return { ...started, followed: tasks.follow(task) };
  }

  /** Nothing has changed since everything was in order: at most the guest agent is asked once more. */
  async function restAgain(
    wish: Wish,
    rest: NonNullable<GuestMemory['rest']>,
    { vm, memory, pass }: { vm: VirtualMachine; memory: GuestMemory; pass: VmPass },
  ): Promise<VmVerdict> {
    const now = pass.now.getTime();
    await probeAgain(wish, rest.facts, { memory, now, options: { signal: pass.signal } });
    const ready = (verdict: VmVerdict, until: Outcome): VmVerdict =>
      readied(vm, resting(verdict, until), { wish, memory });
    if (!isDue(memory.agentDueAt, now)) return ready(rest.verdict, settledUntil(memory, now));
    const facts: Facts = {
      ...rest.facts,
      ...(await readAddresses(wish, rest.facts, { signal: pass.signal })),
    };
    const verdict = verdictOf(vm, facts);
    if (hasJustServed(vm.status, verdict.status)) {
      delete memory.rest;
      return ready(verdict, settled(AT_ONCE));
    }
    memory.rest = { ...rest, facts, verdict };
    nextAgentLook(facts, memory, now);
    return ready(verdict, settledUntil(memory, now));
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
const isTidying = (next: Plan): boolean =>
  next.kind === 'act' &&
  (next.step.do === 'deleteSeed' || (next.step.do === 'configure' && next.step.change.ejects === true));

/** A step that did not last is not repeated at once. */
function unhurried(
  next: Plan,
  { metadata }: VirtualMachine,
  { memory, now }: { readonly memory: GuestMemory; readonly now: number },
): Plan {
  if (next.kind !== 'act') return next;
  return tooSoon(memory.last, { step: next.step, generation: metadata.generation }, now) ?? next;
}
