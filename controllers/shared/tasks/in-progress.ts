/** One task at a time: whatever PVE is doing for this guest ends before the next step is thought of. */
import type { Rule, Wait } from '../plan/rule.ts';
import type { Task } from './model.ts';
import { wait } from '../plan/rule.ts';

const WHAT: Readonly<Record<string, string>> = {
  qmclone: 'the template is being cloned',
  qmigrate: 'the VM is being moved to another node',
  qmconfig: 'the configuration is being written',
  resize: 'a disk is being grown',
  qmmove: 'a disk is being moved to another storage',
  attachDisk: 'a disk is being made and attached',
  detachDisk: 'a disk is being detached',
  destroyDisk: 'a disk is being destroyed',
  imgcopy: 'the cloud-init image is being uploaded',
  imgdel: 'the cloud-init image is being deleted',
  qmstart: 'the VM is starting',
  qmstop: 'the VM is being stopped',
  qmshutdown: 'the VM is shutting down',
  qmdestroy: 'the VM is being destroyed',
};

/** What a task of this type does, as a sentence. */
export const taskMessage = (type: string): string =>
  `In Proxmox VE ${WHAT[type] ?? `the task ${type} is running`}.`;

/**
 * How long to wait before a task is asked about again: a tenth of its age, so that a short task costs little
 * and a long one is not pestered.
 */
export const pollGapMs = (ageMs: number, longestMs: number = MAX_GAP_MS): number =>
  Math.min(Math.max(ageMs / 10, MIN_GAP_MS), longestMs);

const MIN_GAP_MS = 50;
const MAX_GAP_MS = 2_000;
/** A task whose end is told is asked about this often all the same. */
export const FOLLOWED_MS = MAX_GAP_MS;
export const OVERDUE_MS = 5 * 60_000;
/** A task that is overdue may take hours. */
const MAX_GAP_OVERDUE_MS = 60_000;

const span = (ms: number): string => (ms % 60_000 === 0 ? `${ms / 60_000} minutes` : `${ms / 1000} s`);

export const taskInProgress: Rule<unknown, { readonly task: Task | undefined }, Wait> = (_want, { task }) => {
  if (task?.state === 'unreachable')
    return wait(
      'NodeOffline',
      `Node ${task.node} is offline, and a task of this VM ran on it. Work goes on when the node is back or Proxmox VE has moved the VM.`,
      15_000,
    );
  if (task?.state !== 'running') return undefined;
  const { ageMs, timing: { overdueAfter = OVERDUE_MS, maxGap = MAX_GAP_MS } = {} } = task;
  return ageMs > overdueAfter
    ? wait(
        'TaskOverdue',
        `${taskMessage(task.type)} This takes more than ${span(overdueAfter)}. Nothing else is done until the task ends; look at its log in the Proxmox VE web interface.`,
        pollGapMs(ageMs, Math.max(maxGap, MAX_GAP_OVERDUE_MS)),
      )
    : wait('TaskRunning', taskMessage(task.type), task.followed ? maxGap : pollGapMs(ageMs, maxGap));
};
