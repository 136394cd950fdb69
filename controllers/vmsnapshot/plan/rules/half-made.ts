/** A snapshot that was left behind half taken or half deleted. Pure. */
import { heldMs } from '../../../shared/tasks/backoff.ts';
import { asSentence } from '../../../../src/lib/sentence.ts';
import { refuse, wait, type Refuse } from '../../../shared/plan/rule.ts';
import { CLONES_ARE_GONE, clonesText } from '../../../shared/guests/linked-clones.ts';
import type { Desired } from '../../model/desired.ts';
import type { Observed } from '../../model/observed.ts';
import { protectionHint } from './protection.ts';
import { ownOf } from '../../model/own.ts';
import type { Rule } from './rule.ts';

/** PVE marks it before it deletes the volumes. It is retried, and if it keeps failing a person has to help. */
export const halfDeleted: Rule = (want, have) => {
  const own = ownOf(have);
  const { failure, now } = have;
  if (own?.state !== 'delete' || have.activeTasks.length > 0) return undefined;
  if (have.linkedClones.length > 0) return failedForClones(want, have, own.name);
  const line = `qm delsnapshot ${want.vmid} ${own.name} --force`;
  if (want.exists)
    return refuse(
      'HalfDeleted',
      `Snapshot ${own.name} of VM ${want.vmid} is half deleted in Proxmox VE and cannot be used. Delete this object. If that does not succeed, remove what is left on the node of the VM: ${line}`,
      60_000,
    );
  const left = failure?.step === 'Delete' ? heldMs(failure, now) : 0;
  if (!failure || left <= 0) return undefined;
  return refuse(
    'HalfDeleted',
    `Deleting snapshot ${own.name} of VM ${want.vmid} failed halfway: ${asSentence(failure.message)} It is retried. ${protectionHint(failure, want.vmid, own.name) ?? `To remove it although its volumes cannot be deleted, run on the node of the VM: ${line}`}`,
    left,
  );
};

/** It was deleted by hand, or by a version that did not look for them. */
function failedForClones(want: Desired, { linkedClones, presence }: Observed, name: string): Refuse {
  const guest = presence.kind === 'seen' ? presence.guest : undefined;
  const unlock =
    guest?.lock === undefined
      ? ''
      : ` The VM stays locked until then: after that, run on node ${guest.node}: qm unlock ${want.vmid}.`;
  return refuse(
    'HalfDeleted',
    `Deleting snapshot ${name} of VM ${want.vmid} failed halfway: linked clones on Ceph need it, ${clonesText(linkedClones)}. It can be deleted once ${CLONES_ARE_GONE}.${unlock} ` +
      (want.exists
        ? 'The snapshot cannot be used any more: delete this object as well.'
        : 'The deletion is then repeated. To delete only this object, set spec.deletionPolicy to Retain.'),
    30_000,
  );
}

/** Whoever requested it: its task may be one of an earlier process, whose answer was lost. */
export const beingMade: Rule = (want, have) =>
  want.exists && ownOf(have)?.state !== undefined && have.activeTasks.length > 0
    ? wait('TaskRunning', `Proxmox VE is working on the snapshot (VM ${want.vmid}).`, 1_000)
    : undefined;

/** PVE removes what it could not complete. What is left was interrupted, for example because the node went down. */
export const halfTaken: Rule = (want, have) => {
  const own = ownOf(have);
  if (own?.state === undefined || own.state === 'delete' || !want.exists) return undefined;
  return refuse(
    'SnapshotIncomplete',
    `Snapshot ${own.name} of VM ${want.vmid} is incomplete in Proxmox VE (${own.state}), and no task is taking it. Remove it on the node of the VM: qm unlock ${want.vmid}; qm delsnapshot ${want.vmid} ${own.name} --force. It is taken again after that.`,
    60_000,
  );
};
