/** QEMU run states other than running and stopped: their meaning, and what to do. Pure. */
import type { Reason } from '../../../src/api/index.ts';
import type { Guest } from './model.ts';

/** A guest that has a QEMU process but is not executing. */
export interface NotRunning {
  readonly reason: Reason;
  /** `passing`: ends without intervention. `lasting`: only an administrator can end it. */
  readonly lasts: 'passing' | 'lasting';
  readonly message: string;
}

type GuestId = Pick<Guest, 'vmid' | 'node'>;
type StateEntry = readonly [reason: Reason, lasts: NotRunning['lasts'], message: (guest: GuestId) => string];

const resume = ({ vmid, node }: GuestId): string => `with "qm resume ${vmid}" on node ${node}`;

const paused: StateEntry = [
  'Paused',
  'lasting',
  (guest) =>
    `VM ${guest.vmid} is paused in Proxmox VE. The operator does not resume it. Resume it in Proxmox VE or ${resume(guest)}, or set spec.powerState to Off to stop it.`,
];
const crashed: StateEntry = [
  'GuestCrashed',
  'lasting',
  ({ vmid, node }) =>
    `VM ${vmid} has crashed and is not executing. The operator does not reset it, so that its memory can be inspected. Reset it in Proxmox VE or with "qm reset ${vmid}" on node ${node}, or set spec.powerState to Off and then to On.`,
];
const unsettled: StateEntry = [
  'StateChanging',
  'passing',
  ({ vmid }) =>
    `VM ${vmid} is changing its state in Proxmox VE. The operator waits until the change is complete.`,
];

/** By QEMU's run state, which PVE reports as `qmpstatus` (qemu, qapi/run-state.json). */
const STATES: ReadonlyMap<string, StateEntry> = new Map<string, StateEntry>([
  ['paused', paused],
  [
    'io-error',
    [
      'IoError',
      'lasting',
      (guest) =>
        `VM ${guest.vmid} is not executing because a write to a disk failed, usually because its storage is full. No data is lost. Free space on the storage, then resume the VM in Proxmox VE or ${resume(guest)}.`,
    ],
  ],
  [
    'suspended',
    [
      'Suspended',
      'lasting',
      (guest) =>
        `VM ${guest.vmid} is suspended by its operating system. Resume it in Proxmox VE or ${resume(guest)}.`,
    ],
  ],
  [
    'prelaunch',
    [
      'Prelaunch',
      'passing',
      (guest) =>
        `VM ${guest.vmid} has a QEMU process but is not executing, as during the backup of a stopped VM. If no task is running for it, resume it ${resume(guest)}.`,
    ],
  ],
  ['guest-panicked', crashed],
  ['internal-error', crashed],
  ['watchdog', crashed],
]);

/** Why a guest with a QEMU process is not executing; `undefined` if it is executing or stopped. */
export function notRunningOf(guest: Guest): NotRunning | undefined {
  if (!guest.running || guest.state === 'running') return undefined;
  const [reason, lasts, message] = STATES.get(guest.state) ?? unsettled;
  return { reason, lasts, message: message(guest) };
}

export const isUp = (guest: Guest): boolean => guest.running && notRunningOf(guest) === undefined;

const SUSPENDED_TO_DISK = 'suspended';

export const isSuspendedToDisk = ({ lock }: Guest): boolean => lock === SUSPENDED_TO_DISK;

/** For `status.powerState`. */
export function powerStateOf(guest: Guest): string {
  if (!guest.running) return isSuspendedToDisk(guest) ? 'Suspended' : 'Off';
  return notRunningOf(guest)?.reason ?? 'On';
}
