/** What a VM, or another of its snapshots, is in the middle of. Pure. */
import { DEFAULTS, type VirtualMachine, type VMSnapshot } from '../../../src/api/index.ts';
import type { Readable } from '../../../src/runtime/controller.ts';
import { HOOK_TIMEOUT_MS } from '../../shared/guests/hook-timeout.ts';
import { isReleased } from '../../shared/objects/released.ts';

interface Around {
  /** All VMSnapshots of the VM. */
  readonly siblings: readonly Readable<VMSnapshot>[];
  /** Epoch ms. */
  readonly now: number;
}

/** A sentence; `undefined`: nothing is done with the guest as far as our objects say. */
export function activityOf(vm: VirtualMachine, snapshot: VMSnapshot, around: Around): string | undefined {
  return vmActivity(vm, snapshot, around) ?? siblingActivity(snapshot, around.siblings);
}

function vmActivity(
  { metadata: { name }, spec, status = {} }: VirtualMachine,
  { metadata }: VMSnapshot,
  { siblings, now }: Around,
): string | undefined {
  const { task, hook, internal: { revert } = {} } = status;
  const vm = `VirtualMachine ${name}`;
  if (task) return `${vm} waits for a task of Proxmox VE (${task.type}).`;
  if (hook && isInProgress(hook, { spec, status }, now)) return `${vm} runs its hook ${hook.name}.`;
  if (isRestarting(status)) return `${vm} is being restarted.`;
  if (revert?.state === 'Announced' && revert.uid !== metadata.uid && isOpen(revert, siblings))
    return `${vm} is being reverted to VMSnapshot ${revert.snapshot}.`;
  return undefined;
}

type Status = NonNullable<VirtualMachine['status']>;

/** A hook that is due runs once the guest does, which may never start. */
function isInProgress(
  { name, state, since }: NonNullable<Status['hook']>,
  { spec: { lifecycle }, status: { powerState } }: Pick<VirtualMachine, 'spec'> & { readonly status: Status },
  now: number,
): boolean {
  if (state !== 'Running' && !(state === 'Due' && powerState === 'On')) return false;
  const limit =
    name === 'preStop'
      ? (lifecycle?.gracefulShutdownTimeout ?? DEFAULTS.gracefulShutdownTimeout)
      : HOOK_TIMEOUT_MS;
  return now - Date.parse(since) < limit;
}

/** Not while a stopped guest waits for its start, nor after a failure: that may take for ever. */
const isRestarting = ({ failure, internal: { restart } = {} }: Status): boolean =>
  restart !== undefined && failure === undefined && restart.stopped !== true;

/** A VM that cannot be resolved does not record that the revert has ended. */
const isOpen = (
  { uid, requestedAt }: NonNullable<NonNullable<Status['internal']>['revert']>,
  siblings: readonly Readable<VMSnapshot>[],
): boolean =>
  siblings.some(
    ({ metadata, status }) => metadata.uid === uid && status?.internal?.revert?.requestedAt === requestedAt,
  );

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
