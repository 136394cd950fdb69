/** What stays in Proxmox VE when an object is deleted, and who decides that. Pure. */
import { FORCE_DELETE, type VirtualMachine } from '../../../src/api/index.ts';
import { minutes } from '../../../src/lib/units.ts';
import type { EventNote } from '../../../src/runtime/controller.ts';
import { normal, warning } from '../../shared/errors/event.ts';
import { mayHaveGuest } from '../../shared/objects/may-have-guest.ts';
import type { Presence } from '../../shared/guests/model.ts';
import type { LeftBehind, Plan } from '../model/plan.ts';
import { Reasons } from '../../shared/errors/reasons.ts';
import type { Unresolved } from '../model/desired.ts';

/** How an object is deleted that does not need Proxmox VE for it; `undefined`: it does. */
export function releasesWithoutPve(vm: VirtualMachine): Extract<Plan, { kind: 'gone' }> | undefined {
  if (vm.metadata.deletionTimestamp === undefined) return undefined;
  if (vm.metadata.annotations[FORCE_DELETE] === 'true')
    return { kind: 'gone', left: leftBehind(vm, 'force') };
  if (createdNothing(vm) && vm.status?.internal?.released) return GONE;
  if (vm.spec.managementPolicy !== 'ObserveOnly') return undefined;
  return createdNothing(vm) ? GONE : { kind: 'gone', left: leftBehind(vm, 'policy') };
}

const GONE: Extract<Plan, { kind: 'gone' }> = { kind: 'gone' };

/**
 * How an object is deleted whose Provider cannot be asked, if nothing says that it made anything; `undefined`: it waits
 * until the Provider is connected or reports why not. Its status may have been lost, so its guest is looked for.
 */
export function releasesUnresolved(
  vm: VirtualMachine,
  { reason, early }: Unresolved,
): Extract<Plan, { kind: 'gone' }> | undefined {
  if (vm.metadata.deletionTimestamp === undefined || !createdNothing(vm)) return undefined;
  return reason === Reasons.providerNotReady && early === true ? undefined : GONE;
}

/** No VMID was reserved and nothing uploaded, as far as status says. */
const createdNothing = (vm: VirtualMachine): boolean => !mayHaveGuest(vm);

const leftBehind = ({ status }: VirtualMachine, by: LeftBehind['by']): LeftBehind => ({
  by,
  vmid: status?.vmid,
  node: status?.node,
  volume: status?.internal?.cloudInit?.volume,
  task: status?.task?.upid,
});

/** This long after its start a guest has read its cloud-init image. */
const BOOTED_AFTER = minutes(2);

/** Addresses come from the guest agent, which starts after cloud-init has read its data. */
export const hasBooted = ({ status }: VirtualMachine, presence: Presence): boolean =>
  presence.kind === 'seen' &&
  presence.guest.running &&
  ((presence.guest.uptimeMs ?? 0) >= BOOTED_AFTER || (status?.ipAddresses ?? []).length > 0);

/** The event that names what an object leaves behind. */
export function leftBehindEvent({ by, vmid, node, volume, task, pending = [] }: LeftBehind): EventNote {
  const things = [
    ...(vmid === undefined ? [] : [`VM ${vmid}${node === undefined ? '' : ` on node ${node}`}`]),
    ...(volume === undefined ? [] : [`the cloud-init image ${volume}`]),
    ...(task === undefined ? [] : [`the task ${task}`]),
  ].join(', ');
  if (by === 'policy')
    return normal(
      'Retained',
      `Left in Proxmox VE and no longer managed: ${things}.${pending.length > 0 ? ` These settings change at its next start: ${pending.join(', ')}.` : ''}`,
    );
  const forced = 'The object was deleted by force, without asking Proxmox VE.';
  return warning(
    'DeletedByForce',
    things === ''
      ? `${forced} No VMID was recorded.`
      : `${forced} What may still exist there: ${things}. Remove it by hand.`,
  );
}
