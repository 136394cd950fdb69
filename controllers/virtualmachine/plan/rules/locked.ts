/** PVE's lock on a guest is respected and never removed, and so is work that others do on it. */
import type { Observed } from '../../model/observed.ts';
import type { RuleResult, Step } from '../../model/plan.ts';
import { isOwn } from '../../ownership/identity.ts';
import { isSuspendedToDisk } from '../../../shared/guests/states.ts';
import { snapshotBusy } from '../../revert/words.ts';
import type { Rule } from './rule.ts';
import { refuse, wait } from '../../../shared/plan/rule.ts';

/** While PVE creates or restores a guest, it is locked first and described last (qemu-server, clone_vm and create_vm). */
const LOCKS_BEFORE_MARK = ['clone', 'create'];

/** After this long a lock without a task is taken for what an interrupted task left. */
const ABANDONED_AFTER_MS = 10 * 60_000;
/** A snapshot that could not be deleted keeps its lock, and nothing but a person removes it. */
const AFTER_FAILED_SNAPSHOT_MS = 60_000;

/** Then the lock and what is left of the snapshot are all that Proxmox VE says. */
const AFTER_FAILED_SNAPSHOT =
  '. A snapshot of the VM was deleted halfway; its VMSnapshot, or the task in Proxmox VE, says why. If linked clones on Ceph need it, delete them or move their disks to another storage first.';

const abandonedAfter = (lock: string): number =>
  lock === 'snapshot-delete' ? AFTER_FAILED_SNAPSHOT_MS : ABANDONED_AFTER_MS;

/** A guest that is being created may turn out to be ours: nothing follows from the mark that it does not carry yet. */
export const beingCreated: Rule = (want, have) => {
  if (have.presence.kind !== 'seen') return undefined;
  const { guest } = have.presence;
  return guest.lock !== undefined &&
    LOCKS_BEFORE_MARK.includes(guest.lock) &&
    !isOwn(guest, want.owner, have.claim)
    ? blockedByOthers(have)
    : undefined;
};

/**
 * Why the step may not be taken on the guest now. A lock does not matter to a settled guest: it keeps running during a
 * backup.
 */
export function blockedByOthers(
  { presence, activeTasks, lockedMs, snapshots }: Observed,
  step?: Step,
): RuleResult | undefined {
  const busy = busyWith(snapshots);
  if (busy) return busy;
  if (activeTasks.length > 0)
    return wait(
      'TaskRunning',
      'Another task of Proxmox VE is running on this VM. Reconciliation resumes once it ends.',
      1_000,
    );
  if (presence.kind !== 'seen' || presence.guest.lock === undefined) return undefined;
  const { lock, vmid, node } = presence.guest;
  // PVE destroys it together with the saved memory (qemu-server, API2/Qemu.pm, destroy_vm).
  if (isSuspendedToDisk(presence.guest) && step?.do === 'destroy') return undefined;
  if (isSuspendedToDisk(presence.guest))
    return refuse(
      'SuspendedToDisk',
      `VM ${vmid} is suspended to disk, and the operator does not resume it. Resume it in Proxmox VE or on node ${node}: qm resume ${vmid}. To discard the saved memory and boot the VM instead: qm unlock ${vmid}`,
      15_000,
    );
  if (lockedMs < abandonedAfter(lock))
    return wait(
      'Locked',
      `Proxmox VE holds the lock "${lock}" on VM ${vmid}. Reconciliation resumes once the lock is released.`,
      2_000,
    );
  return refuse(
    'LockedWithoutTask',
    `Proxmox VE has held the lock "${lock}" on VM ${vmid} for more than ${abandonedAfter(lock) === ABANDONED_AFTER_MS ? '10 minutes' : 'a minute'}, and the operator sees no task that would release it (seeing tasks of other users requires the privilege Sys.Audit). ` +
      `If nothing is working on the VM, remove the lock on node ${node}: qm unlock ${vmid}${lock === 'snapshot-delete' ? AFTER_FAILED_SNAPSHOT : ''}`,
    15_000,
  );
}

/** Its lock may show later than its VMSnapshot has the task, and says less. */
function busyWith(snapshots: Observed['snapshots'] = []): RuleResult | undefined {
  const [busy] = snapshots.flatMap(({ name, task }) =>
    task === undefined ? [] : [snapshotBusy(name, task)],
  );
  return busy === undefined ? undefined : wait('SnapshotInProgress', busy, 2_000);
}
