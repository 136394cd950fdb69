/** One step → one request to PVE. Whatever a request begins is reported by the caller, in the same pass. */
import { changeDisk } from './disks.ts';
import { isRefusal } from '../../shared/errors/refusals.ts';
import { isDiskStep } from '../disks/steps.ts';
import { runHook } from '../guest-agent/hooks.ts';
import { remember, type ProcessState } from '../model/process-state.ts';
import type { Started } from '../model/facts.ts';
import type { Step } from '../model/plan.ts';
import { shutdownAnswered, shutdownSent } from '../restart/doubt.ts';
import { clone } from './clone.ts';
import { configure } from './configure.ts';
import { DONE, type PerformContext, startedTask } from './context.ts';
import { type RecordStep, note } from './record.ts';
import { type SeedStep, moveSeed } from './seed.ts';
import { seconds } from '../../../src/lib/units.ts';
import type { Qemu } from '../../../src/pve/index.ts';

export async function perform(step: Step, context: PerformContext): Promise<Started> {
  switch (step.do) {
    case 'reserve':
    case 'releaseClaim':
    case 'recordPlacement':
    case 'recordSeed':
    case 'clearApplied':
    case 'recordRestart':
    case 'recordTags':
    case 'recordDisks':
    case 'recordHook':
      return note(step, context);
    case 'clone':
      return clone(step, context);
    case 'uploadSeed':
    case 'deleteSeed':
      return moveSeed(step, context);
    case 'adopt':
    case 'migrate':
    case 'attachDisk':
    case 'growDisk':
    case 'moveDisk':
    case 'detachDisk':
    case 'destroyDisk':
    case 'configure':
    case 'start':
    case 'stop':
    case 'shutdown':
    case 'destroy':
    case 'runHook':
      return change(step, context);
    default:
      return step satisfies never;
  }
}

type ChangeStep = Exclude<Step, RecordStep | SeedStep | { do: 'clone' }>;

async function change(
  step: ChangeStep,
  { resolved, guest, processState, generation, now, options }: PerformContext,
): Promise<Started> {
  if (!guest) return DONE;
  const qemu: Qemu = resolved.connection.pve.node(guest.node).qemu(guest.vmid);
  if (isDiskStep(step)) {
    const { type, upid } = await changeDisk(step, qemu, options);
    return startedTask(type, upid);
  }
  switch (step.do) {
    case 'adopt':
      await qemu.setConfigNow({ description: step.description }, { digest: step.digest }, options);
      return DONE;
    case 'migrate': {
      const { to, targetStorage, online, withLocalDisks } = step.move;
      return startedTask(
        'qmigrate',
        await qemu.migrate({ target: to, targetStorage, online, withLocalDisks }, options),
      );
    }
    case 'configure':
      return configure(qemu, step, { isOff: !guest.running, options });
    case 'start':
      return startedTask('qmstart', await qemu.start(options));
    case 'stop':
      return startedTask('qmstop', await qemu.stop(options));
    case 'shutdown':
      // PVE itself stops the guest when the time is over: that survives a restart of ours.
      return startedTask(
        'qmshutdown',
        await answered(processState, () =>
          qemu.shutdown({ timeout: seconds(step.graceSeconds), forceStop: true }, options),
        ),
      );
    case 'runHook':
      return { kind: 'hook', hook: await runHook(step, { qemu, generation, now, options }) };
    case 'destroy':
      return startedTask('qmdestroy', await qemu.destroy({ purge: true }, options));
    default:
      return step satisfies never;
  }
}

async function answered<T>(processState: ProcessState, ask: () => Promise<T>): Promise<T> {
  const isAnswered = (): void => remember(processState, { restart: shutdownAnswered(processState.restart) });
  remember(processState, { restart: shutdownSent(processState.restart) });
  try {
    const answer = await ask();
    isAnswered();
    return answer;
  } catch (error) {
    if (isRefusal(error)) isAnswered();
    throw error;
  }
}
