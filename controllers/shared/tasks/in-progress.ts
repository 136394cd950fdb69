/** One task at a time: what PVE is doing for this guest ends before the next step is planned. Pure. */
import { taskMessage } from './labels.ts';
import type { Task, TaskTable } from './model.ts';
import type { Rule, Wait } from '../plan/rule.ts';
import { wait } from '../plan/rule.ts';

interface Pace {
  readonly maxGapMs?: number;
  /** How long tasks of this sort usually take. */
  readonly usualMs?: number | undefined;
}

/**
 * How long to wait before a task is read again: until it usually ends, and then a tenth of its age, so that neither
 * short nor long tasks cost much.
 */
export const pollGapMs = (ageMs: number, { maxGapMs = MAX_GAP_MS, usualMs = 0 }: Pace = {}): number =>
  Math.min(Math.max(ageMs / 10, usualMs - ageMs, MIN_GAP_MS), maxGapMs);

const MIN_GAP_MS = 50;
const MAX_GAP_MS = 2_000;

/** When a task that was just started is read. One whose end starts a pass by itself is nevertheless read then. */
export const firstLookMs = ({
  followed = false,
  usualMs,
}: {
  readonly followed?: boolean;
  readonly usualMs?: number | undefined;
}): number => (followed ? MAX_GAP_MS : pollGapMs(0, { usualMs }));
export const OVERDUE_MS = 5 * 60_000;
/** A task that is overdue may take hours. */
const MAX_GAP_OVERDUE_MS = 60_000;

const span = (ms: number): string => (ms % 60_000 === 0 ? `${ms / 60_000} minutes` : `${ms / 1000} s`);

export const taskInProgress =
  <Label extends string>(
    table: TaskTable<Label>,
  ): Rule<unknown, { readonly task: Task<Label> | undefined }, Wait> =>
  (_want, { task }) => {
    if (task?.state === 'unreachable')
      return wait(
        'NodeOffline',
        `Node ${task.node} is offline, and a task of this VM was running on it. Bring the node back; reconciliation resumes then, or once Proxmox VE has moved the VM to another node.`,
        15_000,
      );
    if (task?.state !== 'running') return undefined;
    const { ageMs, usualMs, timing: { overdueAfter = OVERDUE_MS, maxGap = MAX_GAP_MS } = {} } = task;
    const message = taskMessage(table, task.type);
    return ageMs > overdueAfter
      ? wait(
          'TaskOverdue',
          `${message} The task has been running for more than ${span(overdueAfter)}. The operator does nothing else with this VM until it ends; check its log in the Proxmox VE web interface.`,
          pollGapMs(ageMs, { maxGapMs: Math.max(maxGap, MAX_GAP_OVERDUE_MS) }),
        )
      : wait(
          'TaskRunning',
          message,
          task.followed ? maxGap : pollGapMs(ageMs, { maxGapMs: maxGap, usualMs }),
        );
  };
