/** One step is one request to PVE. The caller reports what it started, in the same pass. */
import { changeDisk } from './disks.ts';
import { isRefusal } from '../../shared/errors/refusals.ts';
import { infoOf, touches, type StepTouching } from '../steps/step-info.ts';
import { runHook } from '../guest-agent/hooks.ts';
import { remember, type ProcessState } from '../model/process-state.ts';
import type { Started } from '../model/facts.ts';
import type { DiskStep } from '../model/disks.ts';
import type { Step } from '../model/plan.ts';
import { shutdownAnswered, shutdownSent } from '../restart/doubt.ts';
import { createGuest } from './clone.ts';
import { configure } from './configure.ts';
import { DONE, type PerformContext, startedTask } from './context.ts';
import { reattachDrive } from './reattach-drive.ts';
import { record } from './record.ts';
import { changeSeed } from './seed.ts';
import { seconds, type Upid } from '../../../src/lib/units.ts';
import { PveError, type Qemu } from '../../../src/pve/index.ts';

export async function perform(step: Step, context: PerformContext): Promise<Started> {
  if (touches(step, 'status')) return record(step, context);
  if (touches(step, 'image')) return changeSeed(step, context);
  if (touches(step, 'newGuest')) return createGuest(step, context);
  return change(step, context);
}

async function change(
  step: StepTouching<'guest' | 'disk'>,
  { resolved, guest, processState, generation, now, options }: PerformContext,
): Promise<Started> {
  if (!guest) return DONE;
  const qemu: Qemu = resolved.connection.pve.node(guest.node).qemu(guest.vmid);
  if (touches(step, 'disk')) return onDisk(step, () => changeDisk(step, qemu, options));
  switch (step.do) {
    case 'adopt':
    case 'restoreMark':
      await qemu.setConfigNow({ description: step.description }, { digest: step.digest }, options);
      return DONE;
    case 'migrate': {
      const { to, targetStorage, online, withLocalDisks } = step.move;
      return startedTask(
        step,
        await qemu.migrate({ target: to, targetStorage, online, withLocalDisks }, options),
      );
    }
    case 'configure':
      return configure(qemu, step, { isOff: !guest.running, options });
    case 'revertPending':
      await qemu.revertPending(step.keys, { digest: step.digest }, options);
      return DONE;
    case 'start':
      return startedTask(step, await qemu.start(options));
    case 'stop':
      return startedTask(step, await qemu.stop(options));
    case 'shutdown':
      // PVE itself stops the guest when the timeout expires, even if the operator restarts meanwhile.
      return startedTask(
        step,
        await answered(processState, () =>
          qemu.shutdown({ timeout: seconds(step.graceSeconds), forceStop: true }, options),
        ),
      );
    case 'runHook':
      return { kind: 'hook', hook: await runHook(step, { qemu, generation, now, options }) };
    case 'reattachDrive':
      return reattachDrive(step, { pve: resolved.connection.pve, guest, options });
    case 'destroy':
      return startedTask(step, await qemu.destroy({ purge: true }, options));
    default:
      return step satisfies never;
  }
}

/** What PVE does not accept as it is, is a failure of this disk, as if its task had failed. */
async function onDisk(step: DiskStep, request: () => Promise<Upid | undefined>): Promise<Started> {
  try {
    return startedTask(step, await request());
  } catch (error) {
    const { task, target } = infoOf(step);
    if (!(error instanceof PveError) || error.refusal !== 'invalid' || task === undefined) throw error;
    return { kind: 'failed', step: task, target: target?.(step), message: error.pveMessage };
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
