/** One step is one request to PVE. The caller reports what it began, in the same pass. */
import { changeDisk } from './disks.ts';
import { touches, type StepTouching } from '../plan/step-info.ts';
import { runHook } from '../guest-agent/hooks.ts';
import type { ProcessState } from '../model/process-state.ts';
import type { Started } from '../model/facts.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Step } from '../model/plan.ts';
import { reservationFor } from '../placement/relocation.ts';
import type { ResolvedSpec } from '../resolve/resolve.ts';
import { clone } from './clone.ts';
import { configure } from './configure.ts';
import { DONE, type PerformContext, startedTask } from './context.ts';
import { record } from './record.ts';
import { changeSeed } from './seed.ts';
import { type NodeName, seconds } from '../../../src/lib/units.ts';
import { PveError, type Qemu } from '../../../src/pve/index.ts';

export async function perform(step: Step, context: PerformContext): Promise<Started> {
  if (touches(step, 'status')) return record(step, context);
  if (touches(step, 'image')) return changeSeed(step, context);
  if (touches(step, 'newGuest')) return clone(step, context);
  return change(step, context);
}

async function change(
  step: StepTouching<'guest' | 'disk'>,
  { resolved, guest, processState, generation, now, options }: PerformContext,
): Promise<Started> {
  if (!guest) return DONE;
  const qemu: Qemu = resolved.connection.pve.node(guest.node).qemu(guest.vmid);
  if (touches(step, 'disk')) return startedTask(step, await changeDisk(step, qemu, options));
  switch (step.do) {
    case 'adopt':
      await qemu.setConfigNow({ description: step.description }, { digest: step.digest }, options);
      return DONE;
    case 'migrate': {
      const { to, targetStorage, online, withLocalDisks } = step.move;
      if (step.move.asked) promiseRoom(resolved, guest, to);
      return startedTask(
        step,
        await qemu.migrate({ target: to, targetStorage, online, withLocalDisks }, options),
      );
    }
    case 'configure':
      return configure(qemu, step, { isOff: !guest.running, options });
    case 'start':
      return startedTask(step, await qemu.start(options));
    case 'stop':
      return startedTask(step, await qemu.stop(options));
    case 'shutdown':
      // PVE itself stops the guest when the time is over, even if the operator restarts meanwhile.
      return startedTask(
        step,
        await answered(processState, () =>
          qemu.shutdown({ timeout: seconds(step.graceSeconds), forceStop: true }, options),
        ),
      );
    case 'runHook':
      return { kind: 'hook', hook: await runHook(step, { qemu, generation, now, options }) };
    case 'destroy':
      return startedTask(step, await qemu.destroy({ purge: true }, options));
    default:
      return step satisfies never;
  }
}

function promiseRoom({ connection, owner, shape }: ResolvedSpec, guest: Guest, to: NodeName): void {
  const view = connection.inventory.view();
  const memory = guest.running ? (shape?.memory ?? 0) : 0;
  if (view) connection.ledger.promise(owner.uid, reservationFor(guest, to, { view, memory }));
}

/** Until there is an answer the request may arrive late, and stop a guest that was started again meanwhile. */
async function answered<T>(processState: ProcessState, ask: () => Promise<T>): Promise<T> {
  processState.shutdown = 'unanswered';
  delete processState.shutdownSince;
  try {
    const answer = await ask();
    delete processState.shutdown;
    return answer;
  } catch (error) {
    const refused =
      error instanceof PveError && error.refusal !== 'unknownOutcome' && error.refusal !== 'unknown';
    if (refused) delete processState.shutdown;
    throw error;
  }
}
