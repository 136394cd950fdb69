/** `/nodes/{node}/tasks`: PVE's background tasks. */
import { z } from 'zod';
import type { NodeName, Upid, Vmid } from '../lib/units.ts';
import { TaskList, type ListedTask } from './cluster.ts';
import { endpoint, type CallOptions, type Send } from './endpoint.ts';
import { PveError } from './errors.ts';
import { maybe, NodeParam, rows, Sentence, VmidParam } from './wire.ts';

export type TaskState =
  | { readonly state: 'running' }
  | { readonly state: 'ok'; readonly warnings: number }
  | { readonly state: 'failed'; readonly exitStatus: string }
  /** Ended with an unknown result. The caller has to check the object that the task worked on. */
  | { readonly state: 'lost' };

// The status of a worker that was killed, or whose log cannot be read (pve-common, PVE/Tools.pm).
const NO_EXIT_STATUS = /^$|^unexpected status$|^unable to read tail/;

const toState = (status: string, exit: string): TaskState => {
  if (status === 'running') return { state: 'running' };
  if (exit === 'OK') return { state: 'ok', warnings: 0 };
  const warnings = /^WARNINGS: (\d+)$/.exec(exit)?.[1];
  if (warnings !== undefined) return { state: 'ok', warnings: Number(warnings) };
  return NO_EXIT_STATUS.test(exit) ? { state: 'lost' } : { state: 'failed', exitStatus: exit };
};

const TaskStatus = z
  .object({ status: z.string(), exitstatus: maybe(Sentence) })
  .transform(({ status, exitstatus }) => toState(status, (exitstatus ?? '').trim()));

const TaskLog = rows(z.object({ t: Sentence }).transform(({ t }) => t));

const At = z.object({ node: NodeParam, upid: z.string().startsWith('UPID:') });

// A user may read its own tasks without any privilege.
export const TASKS = {
  status: endpoint({
    method: 'GET',
    path: '/nodes/{node}/tasks/{upid}/status',
    params: At,
    reply: TaskStatus,
    needs: [],
  }),
  log: endpoint({
    method: 'GET',
    path: '/nodes/{node}/tasks/{upid}/log',
    params: At.extend({ limit: z.int() }),
    reply: TaskLog,
    needs: [],
  }),
  list: endpoint({
    method: 'GET',
    path: '/nodes/{node}/tasks',
    params: z.object({
      node: NodeParam,
      source: z.literal('active'),
      limit: z.int(),
      vmid: VmidParam.optional(),
    }),
    reply: TaskList,
    needs: [],
  }),
} as const;

export interface Task {
  /** `lost` if PVE no longer knows the UPID. */
  status(options?: CallOptions): Promise<TaskState>;
  /** The last lines, oldest first. The reason for a failure is in the last line. */
  log(limit: number, options?: CallOptions): Promise<readonly string[]>;
}

const ALL_LINES = 0;
/** PVE returns 50 tasks by default, and none for 0. */
const MAX_TASKS = 1000;

export const task = (send: Send, at: { readonly node: NodeName; readonly upid: Upid }): Task => ({
  async status(options) {
    try {
      return await send(TASKS.status, at, options);
    } catch (error) {
      if (error instanceof PveError && error.absent === 'task') return { state: 'lost' };
      throw error;
    }
  },
  async log(limit, options) {
    const lines = await send(TASKS.log, { ...at, limit: ALL_LINES }, options);
    return limit > 0 ? lines.slice(-limit) : [];
  },
});

export const activeTasks = (
  send: Send,
  at: { readonly node: NodeName; readonly vmid: Vmid | undefined },
  options: CallOptions | undefined,
): Promise<readonly ListedTask[]> => send(TASKS.list, { ...at, source: 'active', limit: MAX_TASKS }, options);
