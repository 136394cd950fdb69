/**
 * A volume that an earlier guest with our VMID left behind keeps PVE from creating the drive of the same name: the names
 * of cloud-init drives have no number that PVE could increase. It is not ours by its name, so it is not deleted.
 */
import { asSentence } from '../../../../src/lib/sentence.ts';
import type { Vmid } from '../../../../src/lib/units.ts';
import { heldMs } from '../../../shared/tasks/backoff.ts';
import type { Failure } from '../../model/tasks.ts';
import type { Rule } from './rule.ts';
import { act } from './rule.ts';
import { wait } from '../../../shared/plan/rule.ts';

/** How the storages refuse a name that exists (pve-storage: directories, LVM, ZFS, RBD). */
const EXISTS = /already exists|File exists/;

const isLeftover = ({ step, message }: Failure, vmid: Vmid): boolean =>
  (step === 'Clone' || step === 'Configure') && EXISTS.test(message) && message.includes(`vm-${vmid}-`);

/** Comes before the pause of a failed step: the same VMID would fail for ever. */
export const leftover: Rule = (want, { claim, presence, failure, now }) => {
  if (!want.exists || !claim || !failure || !isLeftover(failure, claim.vmid)) return undefined;
  const { vmid, made } = claim;
  const isFree = !made && (presence.kind === 'absent' || presence.kind === 'notMade');
  if (isFree && failure.step === 'Clone' && want.vmid === undefined) return act({ do: 'releaseClaim', vmid });
  const left = heldMs(failure, now);
  return left > 0 ? wait('VolumeLeftBehind', message(vmid, failure), left) : undefined;
};

const message = (vmid: Vmid, { message: why }: Failure): string =>
  `An earlier VM ${vmid} left a volume behind, and Proxmox VE does not create another of the same name: ${asSentence(why)} ` +
  `The operator does not delete it, because it may belong to a VM of another cluster on the same storage. If nothing uses it, find it on a node with "pvesm list STORAGE --vmid ${vmid}" and delete it with "pvesm free VOLUME".`;
