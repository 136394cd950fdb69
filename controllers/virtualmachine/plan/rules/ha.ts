/** A guest that HA of PVE manages is started and stopped by request: HA carries it out in its own time, once is enough. */
import type { Guest } from '../../../shared/guests/model.ts';
import type { Observed } from '../../model/observed.ts';
import type { Plan, Step } from '../../model/plan.ts';
import { refuse, wait } from '../../../shared/plan/rule.ts';

/** States of a service that HA is bringing up, here or elsewhere (pve-ha-manager, HA/Manager.pm). */
const COMING_UP = new Set([
  'request_start',
  'request_start_balance',
  'started',
  'migrate',
  'relocate',
  'recovery',
  'fence',
  'freeze',
]);

/** So long HA may take to notice a request: its manager and the node's look around every 10 s each, then comes the work. */
export const HA_GRACE_MS = 60_000;

const ASKED_OF_HA: readonly Step['do'][] = ['start', 'stop', 'shutdown', 'migrate'];

/** Whether PVE only takes note of the step. */
export const isRequest = (step: Step, guest: Guest | undefined): boolean =>
  guest?.ha.managed === true && ASKED_OF_HA.includes(step.do);

/** Why HA need not, or cannot, be asked for this step. */
export function leftToHa(step: Step, { presence }: Observed): Plan | undefined {
  // Whether HA can be asked for a move was seen to before.
  if (presence.kind !== 'seen' || !isRequest(step, presence.guest) || step.do === 'migrate') return undefined;
  const { guest } = presence;
  const { ha, vmid } = guest;
  if (ha.state === 'error') return refuse('HaError', haErrorOf(guest), 15_000);
  const atIt =
    step.do === 'start'
      ? COMING_UP.has(ha.state ?? '')
      : ha.state === 'request_stop' && step.do === 'shutdown';
  return atIt
    ? wait(
        step.do === 'start' ? 'HaStarting' : 'HaStopping',
        `HA of Proxmox VE manages VM ${vmid} and is about to ${step.do === 'start' ? 'start' : 'stop'} it. If it stays like this, "ha-manager status" on a node says why.`,
        2_000,
      )
    : undefined;
}

/** For people, wherever it matters. */
export const haErrorOf = ({ vmid, node }: Guest): string =>
  `HA of Proxmox VE has given VM ${vmid} up (state error) and neither starts nor stops it. Find the cause in the log of the HA services and mend it, ` +
  `then clear the error on node ${node}: ha-manager set vm:${vmid} --state disabled`;
