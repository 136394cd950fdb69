/**
 * Tasks that others, or an earlier process of ours, may have started on our guest: the only file that computes this
 * slice of the process state. Pure.
 */
import type { ActiveTask } from '../../../src/pve/index.ts';
import type { Upid, Vmid } from '../../../src/lib/units.ts';
import type { Guest, Presence } from '../../shared/guests/model.ts';
import { isConsole } from '../../shared/tasks/consoles.ts';
import type { Task } from '../model/tasks.ts';
import type { Claim } from '../model/observed.ts';
import type { InFlight } from '../model/process-state.ts';

/** A request was sent: its result is unknown until its task is recorded and has ended. */
export const requested = ({ lockedSince, stoppedAt }: InFlight): InFlight => ({
  quiescent: false,
  lockedSince,
  stoppedAt,
});

export const started = (before: InFlight, startedTask: Upid): InFlight => ({ ...before, startedTask });

/** Nothing of ours is in flight. */
export const quiet = (before: InFlight): InFlight => ({ ...before, quiescent: true });

/** What this process started last has ended. A task in status may be older than a request whose answer was lost. */
export function afterTask(before: InFlight, task: Task | undefined, now: number): InFlight {
  if (!task || task.upid !== before.startedTask) return before;
  if (task.state !== 'ok' && task.state !== 'failed') return before;
  const isStop = task.state === 'ok' && (task.type === 'Shutdown' || task.type === 'Stop');
  return quiet(isStop ? { ...before, stoppedAt: now } : before);
}

export const lockedGuest = (presence: Presence): Guest | undefined =>
  presence.kind === 'seen' && presence.guest.lock !== undefined ? presence.guest : undefined;

/**
 * Whether the list of tasks must be read again. There is doubt only after a restart, after an answer that was lost, and
 * while PVE holds a lock.
 */
export const isInDoubt = (inFlight: InFlight, presence: Presence, claim: Claim | undefined): boolean =>
  claim !== undefined && (!inFlight.quiescent || lockedGuest(presence) !== undefined);

/** @param tasks as they were read again; absent: there was no doubt */
export function afterTasks(
  before: InFlight,
  presence: Presence,
  { tasks, now }: { readonly tasks: readonly Upid[] | undefined; readonly now: number },
): InFlight {
  const isLocked = lockedGuest(presence) !== undefined;
  const lockedSince = isLocked ? before.lockedSince : undefined;
  if (tasks === undefined || tasks.length > 0) return { ...before, lockedSince };
  return quiet({ ...before, lockedSince: isLocked ? (lockedSince ?? now) : undefined });
}

/** @param template that a clone of ours would be filed under; `undefined`: not known */
export const tasksOn = (
  tasks: readonly ActiveTask[],
  claim: Claim,
  template: Vmid | undefined,
): readonly Upid[] => tasks.filter((task) => concerns(task, claim, template)).map(({ upid }) => upid);

function concerns(task: ActiveTask, { vmid, made }: Claim, template: Vmid | undefined): boolean {
  const { id, type } = task;
  if (isConsole(task)) return false;
  if (id === String(vmid)) return true;
  // PVE files a clone under the number of its source; a guest that was seen is not cloned again.
  return type === 'qmclone' && !made && (template === undefined || id === String(template));
}
