/** One operation at a time on a guest, whoever asks for it. Pure. */
import { refuse, wait } from '../../../shared/plan/rule.ts';
import { protectionHint } from './protection.ts';
import type { Desired } from '../../model/desired.ts';
import type { Observed } from '../../model/observed.ts';
import type { RuleResult } from '../../model/plan.ts';

/** PVE removes its locks in seconds; one without a task for this long was left behind. */
const ABANDONED_AFTER_MS = 10 * 60_000;
/** A task of ours that worked under the lock is known to have failed. */
const ABANDONED_AFTER_FAILURE_MS = 30_000;

/** Why nothing may be done with the guest now. */
export function blocked(want: Desired, have: Observed): RuleResult | undefined {
  const { restraint } = want;
  if (restraint) return wait(restraint.reason, restraint.message, 5 * 60_000);
  if (have.busy !== undefined)
    return wait(
      'VMBusy',
      `${have.busy} The snapshot waits for it: one thing is done with a VM at a time.`,
      5_000,
    );
  if (have.activeTasks.length > 0)
    return wait(
      'TaskRunning',
      `Another task of Proxmox VE is running on VM ${want.vmid} (${have.activeTasks.map(({ type }) => type).join(', ')}). Reconciliation resumes once it ends.`,
      2_000,
    );
  return lockedBy(want, have);
}

function lockedBy(
  { vmid }: Desired,
  { presence, lockedMs, failure, name }: Observed,
): RuleResult | undefined {
  const lock = presence.kind === 'seen' ? presence.guest.lock : undefined;
  if (presence.kind !== 'seen' || lock === undefined) return undefined;
  const limit = failure === undefined ? ABANDONED_AFTER_MS : ABANDONED_AFTER_FAILURE_MS;
  if (lockedMs < limit)
    return wait(
      'Locked',
      `Proxmox VE holds the lock "${lock}" on VM ${vmid}. Reconciliation resumes once the lock is released.`,
      2_000,
    );
  const remains =
    name !== undefined && lock.startsWith('snapshot')
      ? ` ${protectionHint(failure, vmid, name) ?? `If snapshot ${name} is listed there, remove what is left of it after that: qm delsnapshot ${vmid} ${name} --force`}`
      : '';
  return refuse(
    'LockedWithoutTask',
    `Proxmox VE holds the lock "${lock}" on VM ${vmid}, and the operator sees no task that would release it (seeing tasks of other users requires the privilege Sys.Audit). If nothing is working on the VM, remove the lock on node ${presence.guest.node}: qm unlock ${vmid}.${remains}`,
    15_000,
  );
}
