/** The object is being deleted: shut the guest down, destroy it, verify that it is gone, delete the cloud-init image. */
import type { Guest } from '../../../shared/guests/model.ts';
import type { Observed } from '../../model/observed.ts';
import type { RuleResult } from '../../model/plan.ts';
import type { Desired } from '../../model/desired.ts';
import type { Rule } from './rule.ts';
import { CLONES_ARE_GONE, clonesText, type LinkedClone } from '../../../shared/guests/linked-clones.ts';
import { act, gone } from './rule.ts';
import { refuse, wait } from '../../../shared/plan/rule.ts';
import { inDoubt } from './create.ts';
import { retention } from './retention.ts';

export const deletion: Rule = (want, have) => {
  if (want.exists) return undefined;
  const { claim, presence, task, seedVolume, activeTasks } = have;
  if (claim === undefined)
    return seedVolume === undefined ? gone : act({ do: 'deleteSeed', volume: seedVolume });
  // PVE frees the VMID as the last act of destroying, so its word is proof enough.
  if (task?.type === 'Destroy' && task.state === 'ok') return act({ do: 'releaseClaim', vmid: claim.vmid });
  switch (presence.kind) {
    case 'seen':
      return departure(presence.guest, want, have);
    case 'notMade':
      return act({ do: 'releaseClaim', vmid: claim.vmid });
    case 'unknown':
      return wait(presence.reason ?? 'CannotProveAbsence', presence.message, 5_000);
    case 'absent':
      return !claim.made && inDoubt(claim, activeTasks)
        ? wait(
            'CreateOutcomeUnknown',
            `It is unknown whether Proxmox VE is still creating VM ${claim.vmid}. The object is deleted once that is certain.`,
            2_000,
          )
        : act({ do: 'releaseClaim', vmid: claim.vmid });
    default:
      return presence satisfies never;
  }
};

type Leaving = Extract<Desired, { exists: false }>;

function departure(guest: Guest, want: Leaving, have: Observed): RuleResult {
  if (want.deletionPolicy === 'Retain') return retention(guest, want, have);
  if (want.heldDeletion) {
    const { reason, message, forMs } = want.heldDeletion;
    return wait(reason, message, forMs);
  }
  return want.deletionPolicy === 'Delete' ? removal(guest, want, have) : retention(guest, want, have);
}

function removal(
  guest: Guest,
  { graceSeconds, protection, owner }: Leaving,
  {
    unconfigured = false,
    displacedDrive: drive,
    linkedClones = [],
  }: Pick<Observed, 'unconfigured' | 'displacedDrive' | 'linkedClones'>,
): RuleResult {
  const { vmid, node, config, running, digest } = guest;
  if (protection === true)
    return refuse(
      'Protected',
      `spec.protection is true, so VM ${vmid} is neither stopped nor destroyed. To delete it, run: ` +
        `kubectl -n ${owner.namespace} patch vm ${owner.name} --type=merge -p '{"spec":{"protection":false}}'`,
    );
  const isProtected = config['protection'] === '1';
  // Before its first configuration the guest is protected only because its template is.
  if (isProtected && (protection === false || unconfigured))
    return act({ do: 'configure', change: { set: { protection: 0 }, delete: [] }, digest });
  // The list of guests does not show the protection, so only reading the guest again finds that it was removed.
  if (isProtected)
    return refuse(
      'Protected',
      `VM ${vmid} is protected in Proxmox VE, so it is neither stopped nor destroyed. ` +
        `To delete it, remove the protection on node ${node}: qm set ${vmid} --protection 0`,
      15_000,
    );
  if (linkedClones.length > 0) return neededByClones(vmid, linkedClones);
  if (running) return act({ do: 'shutdown', graceSeconds });
  // PVE destroys only the volumes in the configuration.
  return act(drive ? { do: 'reattachDrive', ...drive, digest } : { do: 'destroy' });
}

/** Proxmox VE would destroy the guest, and leave behind the disks that it cannot remove. */
const neededByClones = (vmid: number, clones: readonly LinkedClone[]): RuleResult =>
  wait(
    'InUse',
    `VM ${vmid} is neither stopped nor destroyed: linked clones on Ceph need its disks, ${clonesText(clones)}. It is deleted once ${CLONES_ARE_GONE}. To delete only this object, set spec.deletionPolicy to Retain.`,
    10_000,
  );
