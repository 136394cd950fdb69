/** One step → one request to PVE. Whatever a request begins is reported by the caller, in the same pass. */
import { changeDisk } from './disks/perform.ts';
import { isDiskStep } from './disks/steps.ts';
import { runHook } from './guest-agent/hooks.ts';
import type { GuestMemory } from './memory.ts';
import type { Started } from './model/facts.ts';
import type { Guest } from './model/guest.ts';
import type { Step } from './model/plan.ts';
import { roomFor } from './placement/relocation.ts';
import type { Wish } from './resolve.ts';
import { clone } from './steps/clone.ts';
import { configure } from './steps/configure.ts';
import { DONE, type PerformContext, begun } from './steps/context.ts';
import { type NoteStep, note } from './steps/note.ts';
import { type SeedStep, moveSeed } from './steps/seed.ts';
import { type NodeName, seconds } from '../../src/lib/units.ts';
import { PveError, type Qemu } from '../../src/pve/index.ts';

export async function perform(step: Step, context: PerformContext): Promise<Started> {
  switch (step.do) {
    case 'reserve':
    case 'releaseClaim':
    case 'choose':
    case 'noteSeed':
    case 'noteWish':
    case 'noteRestart':
    case 'noteTags':
    case 'noteDisks':
    case 'noteHook':
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

type ChangeStep = Exclude<Step, NoteStep | SeedStep | { do: 'clone' }>;

async function change(
  step: ChangeStep,
  { wish, guest, memory, generation, now, options }: PerformContext,
): Promise<Started> {
  if (!guest) return DONE;
  const qemu: Qemu = wish.connection.pve.node(guest.node).qemu(guest.vmid);
  if (isDiskStep(step)) {
    const { type, upid } = await changeDisk(step, qemu, options);
    return begun(type, upid);
  }
  switch (step.do) {
    case 'adopt':
      await qemu.setConfigNow({ description: step.description }, { digest: step.digest }, options);
      return DONE;
    case 'migrate': {
      const { to, targetStorage, online, withLocalDisks } = step.move;
      if (step.move.asked) promiseRoom(wish, guest, to);
      return begun(
        'qmigrate',
        await qemu.migrate({ target: to, targetStorage, online, withLocalDisks }, options),
      );
    }
    case 'configure':
      return configure(qemu, step, { isOff: !guest.running, options });
    case 'start':
      return begun('qmstart', await qemu.start(options));
    case 'stop':
      return begun('qmstop', await qemu.stop(options));
    case 'shutdown':
      // PVE itself stops the guest when the time is over: that survives a restart of ours.
      return begun(
        'qmshutdown',
        await answered(memory, () =>
          qemu.shutdown({ timeout: seconds(step.graceSeconds), forceStop: true }, options),
        ),
      );
    case 'runHook':
      return { kind: 'hook', hook: await runHook(step, { qemu, generation, now, options }) };
    case 'destroy':
      return begun('qmdestroy', await qemu.destroy({ purge: true }, options));
    default:
      return step satisfies never;
  }
}

function promiseRoom({ connection, owner, shape }: Wish, guest: Guest, to: NodeName): void {
  const view = connection.inventory.view();
  const memory = guest.running ? (shape?.memory ?? 0) : 0;
  if (view) connection.ledger.promise(owner.uid, roomFor(guest, to, { view, memory }));
}

/** Until there is an answer the request may arrive late, and stop a guest that was started again since. */
async function answered<T>(memory: GuestMemory, ask: () => Promise<T>): Promise<T> {
  memory.shutdown = 'unanswered';
  delete memory.shutdownSince;
  try {
    const answer = await ask();
    delete memory.shutdown;
    return answer;
  } catch (error) {
    const refused =
      error instanceof PveError && error.refusal !== 'unknownOutcome' && error.refusal !== 'unknown';
    if (refused) delete memory.shutdown;
    throw error;
  }
}
