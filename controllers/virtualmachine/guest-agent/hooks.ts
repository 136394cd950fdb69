/** The hooks of spec.lifecycle: runs them in the guest and reports their results. */
import type { VirtualMachine, VirtualMachineStatus } from '../../../src/api/index.ts';
import { PveError, type CallOptions, type Execution, type Qemu } from '../../../src/pve/index.ts';
import { millis } from '../../../src/lib/units.ts';
import { waiting } from '../../../src/runtime/outcome.ts';
import { ExpectedError } from '../../shared/errors/expected-error.ts';
import { commandOf } from './in-guest.ts';
import { HOOK_TIMEOUT_MS } from '../../shared/guests/hook-timeout.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Hook } from '../model/observed.ts';
import type { Step } from '../model/plan.ts';
import type { Desired, Hooks } from '../model/desired.ts';

export function hooksOf({ spec: { lifecycle } }: VirtualMachine): Hooks | undefined {
  const { postStart, preStop } = lifecycle ?? {};
  if (!postStart && !preStop) return undefined;
  return {
    ...(postStart && { postStart: commandOf(postStart) }),
    ...(preStop && { preStop: commandOf(preStop) }),
  };
}

type RecordedHook = VirtualMachineStatus['hook'];

/** The hook in status. @param execution state of its process; absent: it was not read */
export function hookIn(recorded: RecordedHook, execution?: Execution): Hook | undefined {
  if (!recorded) return undefined;
  const { name, state, since, pid, exitCode, generation } = recorded;
  const hook: Hook = {
    name,
    state,
    since: Date.parse(since),
    generation,
    ...(pid !== undefined && { pid }),
    ...(exitCode !== undefined && { exitCode }),
  };
  return execution ? withExecution(hook, execution) : hook;
}

function withExecution(hook: Hook, execution: Execution): Hook {
  switch (execution.state) {
    case 'ended':
      return {
        ...hook,
        state: execution.exitCode === 0 ? 'Succeeded' : 'Failed',
        exitCode: execution.exitCode,
        ended: true,
      };
    case 'lost':
    case 'stopped':
    case 'notConfigured':
      return { ...hook, state: 'Failed', ended: true };
    case 'running':
    case 'silent':
      return hook;
    default:
      return execution satisfies never;
  }
}

interface Running {
  readonly qemu: Qemu;
  readonly generation: number;
  readonly now: number;
  readonly options: CallOptions;
}

/** @throws ExpectedError while the agent of a guest that was just started does not answer yet */
export async function runHook(
  { hook: name, command, since }: Extract<Step, { do: 'runHook' }>,
  { qemu, generation, now, options }: Running,
): Promise<Hook> {
  const failed: Hook = { name, state: 'Failed', since: now, generation };
  try {
    const answer = await qemu.agent.exec(command, options);
    if ('pid' in answer) return { name, state: 'Running', since: now, pid: answer.pid, generation };
    const age = now - since;
    if (name === 'postStart' && answer.state !== 'refused' && age < HOOK_TIMEOUT_MS) throw agentSilent(age);
    return failed;
  } catch (error) {
    if (error instanceof PveError && (error.refusal === 'forbidden' || error.refusal === 'invalid'))
      return failed;
    throw error;
  }
}

const agentSilent = (age: number): ExpectedError =>
  new ExpectedError(
    waiting(
      'HookWaitsForAgent',
      'The hook postStart runs once the QEMU guest agent answers. The operator retries for ten minutes.',
      millis(Math.min(Math.max(age / 10, 500), 30_000)),
    ),
  );

/** The hook for status: the next stop runs its hook again once this stop has ended or is no longer requested. */
export function hookToKeep(
  hook: Hook | undefined,
  want: Desired,
  guest: Guest | undefined,
): Hook | undefined {
  if (!hook || want.hooks?.[hook.name] === undefined) return undefined;
  const isOff = guest?.running === false;
  if (hook.name === 'preStop') return isOff ? undefined : hook;
  const isDesiredOn = want.exists && want.power === 'On';
  return isDesiredOn || (hook.state !== 'Due' && hook.state !== 'Running') ? hook : undefined;
}
