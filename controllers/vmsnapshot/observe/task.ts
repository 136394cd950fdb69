/** The task in status, as Proxmox VE has it. Reads only. */
import { parseUpid, PveError, type CallOptions, type Task as Handle } from '../../../src/pve/index.ts';
import { isVague, withLogReason } from '../../shared/tasks/log-reason.ts';
import type { VMSnapshot } from '../../../src/api/index.ts';
import type { Upid } from '../../../src/lib/units.ts';
import type { Connection } from '../../shared/cluster/connections.ts';
import type { Task } from '../../shared/tasks/model.ts';
import { reachOf } from '../../shared/tasks/node-reach.ts';
import type { TaskWatch } from '../../shared/tasks/watch.ts';
import type { TaskLabel } from '../model/tasks.ts';

export interface SeenTask {
  readonly task: Task<TaskLabel>;
  /** Once it has ended well or badly. */
  readonly log: readonly string[];
}

interface Context {
  readonly connection: Connection;
  readonly watch: TaskWatch;
  /** Epoch ms. */
  readonly now: number;
  readonly options: CallOptions;
}

export async function seenTask(
  { metadata: { uid }, status }: VMSnapshot,
  context: Context,
): Promise<SeenTask | undefined> {
  if (!status?.task) return undefined;
  const { connection, watch, now } = context;
  const { upid, type, startedAt } = status.task;
  const node = parseUpid(upid)?.node;
  if (node === undefined) return lost(upid, type);
  const reach = reachOf(connection.inventory.view(), node, status.internal?.vmid);
  if (reach === 'offline') return { task: { upid, type, state: 'unreachable', node }, log: [] };
  if (reach === 'gone') {
    watch.forget({ connection, upid });
    return lost(upid, type);
  }
  const ageMs = now - Date.parse(startedAt);
  const usualMs = watch.usualMs({ connection, upid });
  const running = { upid, type, state: 'running', ageMs, usualMs, timing: connection.tasks } as const;
  if (watch.follow({ connection, upid, uid })) return { task: { ...running, followed: true }, log: [] };
  const seen = await readTask(connection.pve.node(node).task(upid), running, context);
  if (seen.task.state !== 'running') watch.forget({ connection, upid });
  return seen;
}

const lost = (upid: Upid, type: SeenTask['task']['type']): SeenTask => ({
  task: { upid, type, state: 'lost' },
  log: [],
});

type Running = Extract<Task<TaskLabel>, { state: 'running' }>;

async function readTask(handle: Handle, running: Running, { options }: Context): Promise<SeenTask> {
  const { upid, type } = running;
  const state = await handle.status(options);
  if (state.state === 'running') return { task: running, log: [] };
  if (state.state === 'lost') return lost(upid, type);
  const log = await handle.log(LAST_LINES, options).catch(unreadable);
  if (state.state === 'ok') return { task: { upid, type, state: 'ok' }, log };
  const exit = isVague(state.exitStatus) ? withLogReason(state.exitStatus, log) : state.exitStatus;
  return { task: { upid, type, state: 'failed', exit }, log };
}

const LAST_LINES = 200;

/** A log that cannot be read blocks nothing. */
function unreadable(error: unknown): readonly string[] {
  if (error instanceof PveError) return [];
  throw error;
}
