/** Takes the step that the plan chose, and keeps what this process must know about it. */
import type { VirtualMachine } from '../../src/api/index.ts';
import type { Pass } from '../../src/runtime/controller.ts';
import { refusedAfter } from './config/best-effort.ts';
import { starting } from './guest-agent/ask.ts';
import type { Started } from './model/facts.ts';
import type { Plan, Step } from './model/plan.ts';
import { remember, type ProcessState } from './model/process-state.ts';
import type { ResolvedSpec } from './model/resolved-spec.ts';
import type { Observation } from './model/observation.ts';
import { quiet, requested, started as taskStarted } from './observe/in-flight.ts';
import { perform } from './perform/perform.ts';
import { HA_GRACE_MS, isRequest } from './plan/rules/ha.ts';
import { signatureOf, taken, tooSoon } from './plan/rules/repetition.ts';
import { afterRefusal, afterStep, type SlotPorts } from './slots.ts';

export interface StepContext {
  readonly resolved: ResolvedSpec;
  readonly observation: Observation;
  readonly state: ProcessState;
  readonly pass: Pass<VirtualMachine>;
  readonly ports: SlotPorts;
}

/** A step that did not last is not repeated at once. */
export function backOffRepeat(
  next: Plan,
  { metadata: { generation } }: VirtualMachine,
  { state, now }: { readonly state: ProcessState; readonly now: number },
): Plan {
  if (next.kind !== 'act') return next;
  return tooSoon(state.lastStep, { step: next.step, generation }, now) ?? next;
}

export async function takeStep(step: Step, vm: VirtualMachine, context: StepContext): Promise<Started> {
  const { resolved, observation, state, pass, ports } = context;
  const { presence, claim } = observation.have;
  pass.log.info({ step: step.do, vmid: claim?.vmid }, 'step');
  remember(state, { inFlight: requested(state.inFlight) });
  if (step.do === 'start') remember(state, { agent: starting(state.agent) });
  try {
    const started = await perform(step, {
      resolved,
      processState: state,
      guest: presence.kind === 'seen' ? presence.guest : undefined,
      generation: vm.metadata.generation,
      now: pass.now.getTime(),
      seedNode: vm.status?.internal?.cloudInit?.node,
      seedBytes: () => observation.cloudInit?.build() ?? new Uint8Array(),
      options: { signal: pass.signal },
    });
    rememberStep(step, started, vm, context);
    return afterStep(step, started, { resolved, ports });
  } catch (error) {
    afterRefusal(step, error, resolved);
    throw error;
  }
}

function rememberStep(
  step: Step,
  started: Started,
  { metadata: { generation } }: VirtualMachine,
  { state, pass, observation: { have } }: StepContext,
): void {
  const { inFlight, refusedWrites, lastStep } = state;
  const now = pass.now.getTime();
  remember(state, {
    inFlight: started.kind === 'task' ? taskStarted(inFlight, started.upid) : quiet(inFlight),
  });
  if (started.kind === 'refused')
    remember(state, {
      refusedWrites: refusedAfter(refusedWrites, started.write, { pveMessage: started.pveMessage, at: now }),
    });
  // An image that was found to be deleted, or kept, was not requested to be deleted.
  if (started.kind === 'seedDeleted' || started.kind === 'seedKept') return;
  const guest = have.presence.kind === 'seen' ? have.presence.guest : undefined;
  const grace = isRequest(step, guest) ? HA_GRACE_MS : 0;
  remember(state, { lastStep: taken(lastStep, signatureOf(step, generation), now, grace) });
}
