/** PVE's lock on a guest is respected, never lifted, and so is work that others do on it. */
import { isSameOwner } from '../../../shared/guests/owner-mark.ts';
import type { Observed } from '../../model/observed.ts';
import type { Plan } from '../../model/plan.ts';
import { isSuspendedToDisk } from '../../../shared/guests/states.ts';
import type { Rule } from './rule.ts';
import { refuse, wait } from '../../../shared/plan/rule.ts';

/** While PVE makes or restores a guest, it is locked first and described last (qemu-server, clone_vm and create_vm). */
const BEFORE_THE_MARK = ['clone', 'create'];

/** After this long a lock without a task is taken for the remains of one that was interrupted. */
const ABANDONED_MS = 10 * 60_000;

/** A guest that is being made may turn out to be ours: nothing is concluded from the mark that it does not carry yet. */
export const beingMade: Rule = (want, have) => {
  if (have.presence.kind !== 'seen') return undefined;
  const { lock, mark } = have.presence.guest;
  return lock !== undefined && BEFORE_THE_MARK.includes(lock) && !isSameOwner(mark, want.owner)
    ? heldBack(have)
    : undefined;
};

/** Why no step may be taken on the guest now. At rest a lock is nobody's concern: a guest runs on while it is backed up. */
export function heldBack({ presence, activeTasks, lockedMs }: Observed): Plan | undefined {
  if (activeTasks.length > 0)
    return wait(
      'TaskRunning',
      'Proxmox VE is at work on this VM; the operator waits until it is done.',
      1_000,
    );
  if (presence.kind !== 'seen' || presence.guest.lock === undefined) return undefined;
  const { lock, vmid, node } = presence.guest;
  if (isSuspendedToDisk(presence.guest))
    return refuse(
      'SuspendedToDisk',
      `VM ${vmid} is suspended to disk, and the operator leaves it so. Resume it in Proxmox VE or with "qm resume ${vmid}" on node ${node}; to have it start anew without its saved memory, give that up with: qm unlock ${vmid}`,
      15_000,
    );
  if (lockedMs < ABANDONED_MS)
    return wait(
      'Locked',
      `Proxmox VE holds the lock "${lock}" on VM ${vmid}. Work goes on when it is lifted.`,
      2_000,
    );
  return refuse(
    'LockedWithoutTask',
    `Proxmox VE has held the lock "${lock}" on VM ${vmid} for more than 10 minutes, and no task is seen that would lift it (tasks of others take the privilege Sys.Audit to see). ` +
      `If nothing works on the VM, clear the lock on node ${node}: qm unlock ${vmid}`,
    15_000,
  );
}
