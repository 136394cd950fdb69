/** What PVE says a guest is doing beyond running and stopped: what it means, and what to do about it. Pure. */
import type { Guest } from './model.ts';

/** A guest that has a process and does not run. */
export interface NotRunning {
  readonly reason: string;
  /** `passing`: it ends by itself. `lasting`: only a person ends it. */
  readonly lasts: 'passing' | 'lasting';
  readonly message: string;
}

type GuestId = Pick<Guest, 'vmid' | 'node'>;
type StateEntry = readonly [reason: string, lasts: NotRunning['lasts'], message: (guest: GuestId) => string];

const resume = ({ vmid, node }: GuestId): string => `with "qm resume ${vmid}" on node ${node}`;

const paused: StateEntry = [
  'Paused',
  'lasting',
  (guest) =>
    `VM ${guest.vmid} is paused in Proxmox VE, and the operator leaves it so. Resume it there or ${resume(guest)}, or set spec.powerState to Off to stop it.`,
];
const crashed: StateEntry = [
  'GuestCrashed',
  'lasting',
  ({ vmid, node }) =>
    `VM ${vmid} has crashed and stands still; the operator does not reset it, so that its memory can be looked at. Reset it in Proxmox VE or with "qm reset ${vmid}" on node ${node}, or set spec.powerState to Off and then to On.`,
];
const unsettled: StateEntry = [
  'StateChanging',
  'passing',
  ({ vmid }) => `VM ${vmid} is between two states in Proxmox VE. The operator waits for it to arrive.`,
];

/** By QEMU's run state, which PVE gives as `qmpstatus` (qemu, qapi/run-state.json). */
const STATES: ReadonlyMap<string, StateEntry> = new Map<string, StateEntry>([
  ['paused', paused],
  [
    'io-error',
    [
      'IoError',
      'lasting',
      (guest) =>
        `VM ${guest.vmid} stands still because a disk could not be written, which mostly means that its storage is full. Make room on the storage, then resume the VM in Proxmox VE or ${resume(guest)}. No data is lost so far.`,
    ],
  ],
  [
    'suspended',
    [
      'Suspended',
      'lasting',
      (guest) =>
        `The system in VM ${guest.vmid} has gone to sleep. Wake it in Proxmox VE or ${resume(guest)}.`,
    ],
  ],
  [
    'prelaunch',
    [
      'Prelaunch',
      'passing',
      (guest) =>
        `VM ${guest.vmid} has a process in Proxmox VE but was not let run, as during the backup of a VM that is off. If nothing works on it, let it run ${resume(guest)}.`,
    ],
  ],
  ['guest-panicked', crashed],
  ['internal-error', crashed],
  ['watchdog', crashed],
]);

/** Why a guest that has a process does not run; `undefined` if it runs, or is off. */
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
