/** What stays in Proxmox VE when an object goes, and who decides that. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import { DEFAULTS } from '../../../src/api/index.ts';
import { minutes } from '../../../src/lib/units.ts';
import type { EventNote } from '../../../src/runtime/controller.ts';
import type { Presence } from '../../shared/guests/model.ts';
import type { LeftBehind, Plan } from '../model/plan.ts';
import type { DeletionPolicy } from '../model/desired.ts';

/** On a VirtualMachine that is being deleted: it goes at once, and Proxmox VE is not asked. */
export const FORCE_DELETE = 'virtrigaud.io/force-delete';

/** A guest that we did not make is not ours to destroy, unless the spec says so. */
export const deletionPolicyOf = ({ spec, status }: VirtualMachine): DeletionPolicy =>
  spec.deletionPolicy ?? (spec.adopt || status?.adopted ? 'Retain' : DEFAULTS.deletionPolicy);

/** How an object goes for which Proxmox VE needs not be asked; `undefined`: it must be. */
export function releasesWithoutPve(vm: VirtualMachine): Extract<Plan, { kind: 'gone' }> | undefined {
  if (vm.metadata.annotations[FORCE_DELETE] === 'true') return { kind: 'gone', left: remains(vm, 'force') };
  if (madeNothing(vm)) return { kind: 'gone' };
  return vm.spec.managementPolicy === 'ObserveOnly'
    ? { kind: 'gone', left: remains(vm, 'policy') }
    : undefined;
}

/** No number was reserved and nothing uploaded: there is nothing to undo, and no Provider is needed for it. */
const madeNothing = ({ status }: VirtualMachine): boolean =>
  status?.vmid === undefined && status?.internal?.cloudInit?.volume === undefined;

const remains = ({ status }: VirtualMachine, by: LeftBehind['by']): LeftBehind => ({
  by,
  vmid: status?.vmid,
  node: status?.node,
  volume: status?.internal?.cloudInit?.volume,
  task: status?.task?.upid,
});

/** So long after its start a guest has read its cloud-init image. */
const BOOT_TIME = minutes(2);

/** Addresses come from the guest agent, which starts after cloud-init has read its data. */
export const hasBooted = ({ status }: VirtualMachine, presence: Presence): boolean =>
  presence.kind === 'seen' &&
  presence.guest.running &&
  ((presence.guest.uptimeMs ?? 0) >= BOOT_TIME || (status?.ipAddresses ?? []).length > 0);

/** Tells what an object leaves behind. */
export function farewell({ by, vmid, node, volume, task }: LeftBehind): EventNote {
  const things = [
    ...(vmid === undefined ? [] : [`VM ${vmid}${node === undefined ? '' : ` on node ${node}`}`]),
    ...(volume === undefined ? [] : [`the cloud-init image ${volume}`]),
    ...(task === undefined ? [] : [`the task ${task}`]),
  ].join(', ');
  return by === 'policy'
    ? {
        type: 'Normal',
        reason: 'Retained',
        message: `Stays in Proxmox VE, no longer managed: ${things}.`,
      }
    : {
        type: 'Warning',
        reason: 'DeletedByForce',
        message:
          things === ''
            ? 'The object went by force. Proxmox VE was not asked; no VMID was recorded.'
            : `The object went by force, Proxmox VE was not asked. Left behind, if it exists there: ${things}. Remove it by hand.`,
      };
}
