/** The hooks of spec.lifecycle: runs them in the guest, and says what became of them. */
import type { VirtualMachine, VirtualMachineStatus } from '../../../src/api/index.ts';
import { PveError, type CallOptions, type Execution, type Qemu } from '../../../src/pve/index.ts';
import { millis } from '../../../src/lib/units.ts';
import { waiting } from '../../../src/runtime/outcome.ts';
import { ExpectedError } from '../../shared/errors/expected-error.ts';
import { commandOf, HOOK_TIMEOUT_MS } from './in-guest.ts';
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

type Noted = VirtualMachineStatus['hook'];

/** The hook that status speaks of. @param execution what became of its process; absent: it was not looked at */
export function hookIn(noted: Noted, execution?: Execution): Hook | undefined {
  if (!noted) return undefined;
  const { name, state, since, pid, exitCode, generation } = noted;
  const hook: Hook = {
    name,
    state,
    since: Date.parse(since),
    generation,
    ...(pid !== undefined && { pid }),
    ...(exitCode !== undefined && { exitCode }),
  };
  return execution ? afterLook(hook, execution) : hook;
}

function afterLook(hook: Hook, execution: Execution): Hook {
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

/** @throws ExpectedError while the agent of a guest that just started is not there yet */
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
      'The hook postStart runs as soon as the QEMU guest agent answers; it is tried for ten minutes.',
      millis(Math.min(Math.max(age / 10, 500), 30_000)),
    ),
  );

/** As status keeps it: the next stop needs its hook again once this one is over, or no longer asked for. */
export function keptHook(hook: Hook | undefined, want: Desired, guest: Guest | undefined): Hook | undefined {
  if (!hook || want.hooks?.[hook.name] === undefined) return undefined;
  const isOff = guest?.running === false;
  if (hook.name === 'preStop') return isOff ? undefined : hook;
  const goesOn = want.exists && want.power === 'On';
  return goesOn || (hook.state !== 'Due' && hook.state !== 'Running') ? hook : undefined;
}
