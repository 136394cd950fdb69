/** No guest is stopped, restarted, rolled back or destroyed unless somebody asked for it. */
import type { Task } from '../world.ts';

const STOPS = new Set([
  'qmstop',
  'qmshutdown',
  'qmreboot',
  'qmreset',
  'qmsuspend',
  'qmrollback',
  'qmdestroy',
]);

/** What others do in Proxmox VE is their own affair. */
const OPERATOR = 'virtrigaud@pve!vrtg-token';

/** Whose guest a VMID was, and whether an object has been asked to stop, restart, go back or go away. */
export interface Invited {
  readonly namesOf: (vmid: string) => readonly string[];
  readonly isInvited: (name: string) => boolean;
}

/** Of tasks that were not there before. A guest without a known object is none of ours. */
export const uninvitedStops = (tasks: readonly Task[], { namesOf, isInvited }: Invited): readonly string[] =>
  tasks
    .filter(({ type, user }) => STOPS.has(type) && user === OPERATOR)
    .flatMap(({ type, id = '' }) => {
      const names = namesOf(id);
      return names.length === 0 || names.some(isInvited)
        ? []
        : [`the guest ${id} of ${names.join(', then ')} had the task ${type}, which nobody asked for`];
    });
