/** A guest that HA of PVE manages is started and stopped by request. HA carries it out in its own time, so one is enough. */
import type { Guest } from '../../../shared/guests/model.ts';
import type { Observed } from '../../model/observed.ts';
import type { RuleResult, Step } from '../../model/plan.ts';
import { refuse, wait } from '../../../shared/plan/rule.ts';
import { infoOf } from '../../steps/step-info.ts';

/** States of a service that HA is bringing up, here or on another node (pve-ha-manager, HA/Manager.pm). */
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

/** HA may take this long to act on a request: its manager and the node each look every 10 s, then the work begins. */
export const HA_GRACE_MS = 60_000;

/** Whether PVE only records the step, for HA to carry out. */
export const isRequest = (step: Step, guest: Guest | undefined): boolean =>
  guest?.ha.managed === true && infoOf(step).carriedOutByHa === true;

/** Why HA need not, or cannot, be asked for this step. */
export function awaitHa(step: Step, { presence }: Observed): RuleResult | undefined {
  // Whether HA can be asked to migrate the guest was checked before.
  if (presence.kind !== 'seen' || !isRequest(step, presence.guest) || step.do === 'migrate') return undefined;
  const { guest } = presence;
  const { ha, vmid } = guest;
  if (ha.state === 'error') return refuse('HaError', haErrorOf(guest), 15_000);
  if (step.do === 'start' && COMING_UP.has(ha.state ?? ''))
    return wait('HaStarting', inProgress(vmid, 'start'), 2_000);
  return step.do === 'shutdown' && ha.state === 'request_stop'
    ? wait('HaStopping', inProgress(vmid, 'stop'), 2_000)
    : undefined;
}

const inProgress = (vmid: number, verb: 'start' | 'stop'): string =>
  `Proxmox VE HA manages VM ${vmid} and is about to ${verb} it. If this does not change, run "ha-manager status" on a node to see why.`;

/** For people, wherever it matters. */
export const haErrorOf = ({ vmid, node }: Guest): string =>
  `Proxmox VE HA has put VM ${vmid} into the error state and neither starts nor stops it. Find the cause in the log of the HA services and fix it, ` +
  `then clear the error on node ${node}: ha-manager set vm:${vmid} --state disabled`;
