/** The object is being deleted: its snapshot is, and only its own. Pure. */
import { blocked } from './blocked.ts';
import { maySend } from './doubt.ts';
import { ownOf } from '../../model/own.ts';
import { wait } from '../../../shared/plan/rule.ts';
import { CLONES_ARE_GONE, clonesText } from '../../../shared/guests/linked-clones.ts';
import type { Desired } from '../../model/desired.ts';
import type { Observed } from '../../model/observed.ts';
import type { RuleResult } from '../../model/plan.ts';
import { act, gone, type Rule } from './rule.ts';

/** As long as nothing is gone, looking again asks nothing of Proxmox VE. */
const LOOK_AGAIN_MS = 15_000;

/** Without a snapshot of ours there is nothing to wait for, unless one is being taken: it may be ours. */
export const release: Rule = (want, have) => {
  if (want.exists || have.own.length > 0) return undefined;
  return have.activeTasks.some(({ type }) => type === 'qmsnapshot') ? blocked(want, have) : gone;
};

export const deletion: Rule = (want, have) => {
  const own = ownOf(have);
  if (want.exists || !own) return undefined;
  const { name } = own;
  return (
    blocked(want, have) ??
    neededByClones(want, have, name) ??
    protectedWhileRunning(want, have, name) ??
    act(maySend(have) ? { do: 'delete', name } : { do: 'announce', request: 'Delete', name })
  );
};

/** Proxmox VE would find out halfway, and leave the VM locked. */
const neededByClones = (
  { vmid }: Desired,
  { linkedClones }: Observed,
  name: string,
): RuleResult | undefined =>
  linkedClones.length === 0
    ? undefined
    : wait(
        'InUse',
        `Snapshot ${name} of VM ${vmid} cannot be deleted: linked clones on Ceph need it, ${clonesText(linkedClones)}. It is deleted once ${CLONES_ARE_GONE}. To delete only this object, set spec.deletionPolicy to Retain.`,
        LOOK_AGAIN_MS,
      );

/**
 * No clone that goes takes the protection back. Proxmox VE does it before it deletes the snapshot of a guest that is off;
 * that of a running one QEMU deletes, which fails for it (qemu-server, qemu_volume_snapshot_delete; QEMU, block/rbd.c).
 */
const protectedWhileRunning = (
  { vmid }: Desired,
  { cloned, running }: Observed,
  name: string,
): RuleResult | undefined =>
  cloned && running
    ? wait(
        'SnapshotProtected',
        `Snapshot ${name} of VM ${vmid} had linked clones, so Ceph protects it, and Proxmox VE takes that back only while the VM is off. It is deleted then. To delete it now, run on a node, for each disk of the VM on Ceph: rbd snap unprotect POOL/IMAGE@${name}; then: qm delsnapshot ${vmid} ${name}. To delete only this object, set spec.deletionPolicy to Retain.`,
        LOOK_AGAIN_MS,
      )
    : undefined;
