/** What a VM, or another of its snapshots, is in the middle of. Pure. */
import type { VirtualMachine, VMSnapshot } from '../../../src/api/index.ts';
import type { Readable } from '../../../src/runtime/controller.ts';
import { isReleased } from '../../shared/objects/released.ts';

/** A sentence; `undefined`: nothing is done with the guest as far as our objects say. */
export function activityOf(
  vm: VirtualMachine,
  snapshot: VMSnapshot,
  siblings: readonly Readable<VMSnapshot>[],
): string | undefined {
  return vmActivity(vm, snapshot) ?? siblingActivity(snapshot, siblings);
}

function vmActivity(
  { metadata: { name }, status }: VirtualMachine,
  { metadata }: VMSnapshot,
): string | undefined {
  const { task, hook, internal: { restart, revert } = {} } = status ?? {};
  const vm = `VirtualMachine ${name}`;
  if (task) return `${vm} waits for a task of Proxmox VE (${task.type}).`;
  if (hook?.state === 'Due' || hook?.state === 'Running') return `${vm} runs its hook ${hook.name}.`;
  if (isRestarting(restart, status)) return `${vm} is being restarted.`;
  if (revert?.state === 'Announced' && revert.uid !== metadata.uid)
    return `${vm} is being reverted to VMSnapshot ${revert.snapshot}.`;
  return undefined;
}

/** Where a stop and start did not bring all changes into effect, the note of it stays. */
const isRestarting = (
  restart: { readonly stopped?: boolean | undefined } | undefined,
  status: VirtualMachine['status'],
): boolean => restart !== undefined && !(restart.stopped === true && status?.powerState === 'On');

const DOING = {
  Create: 'is being taken',
  Delete: 'is being deleted',
  Revert: 'is being reverted to',
} as const;

/** Of those that announced a request at the same time Proxmox VE takes one; the others wait for it then. */
function siblingActivity(
  { metadata: { uid } }: VMSnapshot,
  siblings: readonly Readable<VMSnapshot>[],
): string | undefined {
  const busy = siblings.find(
    (each) => each.metadata.uid !== uid && each.status?.task !== undefined && !isReleased(each),
  );
  const type = busy?.status?.task?.type;
  return busy && type && `VMSnapshot ${busy.metadata.name} of the same VM ${DOING[type]}.`;
}

/** Until a VM was complete once, its disks and settings change with each step. */
export function incompleteness({ metadata: { name }, status }: VirtualMachine): string | undefined {
  if (status?.createdAt !== undefined || status?.adopted === true) return undefined;
  return `VirtualMachine ${name} has not been created completely yet; its condition Ready says how far it is.`;
}
