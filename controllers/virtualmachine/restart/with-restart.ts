/** Adds to an observation whether the guest is to be restarted. Pure, except that `claimSlot` takes the slot. */
import { isObserved, type VirtualMachine } from '../../../src/api/index.ts';
import type { Queued } from '../../shared/limits/restarts.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Desired } from '../model/desired.ts';
import type { Observed } from '../model/observed.ts';
import { isOwn } from '../ownership/identity.ts';
import type { RestartDoubt } from '../model/process-state.ts';
import type { Restart } from '../model/restart.ts';
import { afterJudgement, doubtAbout, isInDoubt, noteOf } from './doubt.ts';
import { judgeRestart } from './judge.ts';

interface RestartContext {
  readonly doubt: RestartDoubt;
  /** Takes the slot of the class, or returns what it waits for. */
  readonly claimSlot: () => Queued | undefined;
  readonly wouldStayOff: boolean;
}

interface Judged {
  readonly restart: Restart;
  readonly doubt: RestartDoubt;
  /** The guest, if it is ours. */
  readonly guest: Guest | undefined;
}

export function restartOf(
  vm: VirtualMachine,
  want: Extract<Desired, { exists: true }>,
  { presence, claim, task, drift, awaited, unconfigured, now }: Observed,
  { doubt: before, claimSlot, wouldStayOff }: RestartContext,
): Judged {
  const guest =
    presence.kind === 'seen' && isOwn(presence.guest, want.owner, claim) ? presence.guest : undefined;
  const note = noteOf(vm);
  const doubt = doubtAbout(before, note, now);
  const restart = judgeRestart({
    want,
    guest,
    made: claim?.made === true,
    task,
    drift,
    awaited,
    unconfigured,
    now,
    observed: isObserved(vm.status),
    before: { note, restartedAt: vm.status?.internal?.restartedAt },
    inDoubt: isInDoubt(doubt, now),
    wouldStayOff,
    claimSlot,
  });
  return { restart, doubt: afterJudgement(doubt, restart, guest?.running === false), guest };
}
