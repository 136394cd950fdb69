import { Answer } from '../call.ts';
import { paramError } from '../errors.ts';
import { callerId } from '../permissions.ts';
import { splitList } from '../schema/formats.ts';
import { parseUpid } from '../upid.ts';
import type { Call, Routes } from '../call.ts';
import type { Task } from '../tasks.ts';

const TASK = '/nodes/{node}/tasks/{upid}';

function splitUser(user: string): { readonly user: string; readonly tokenid?: string } {
  const [name = '', tokenid] = user.split('!');
  return tokenid === undefined ? { user: name } : { user: name, tokenid };
}

const describe = ({ upid, node, pid, pstart, starttime, type, id, user }: Task) => ({
  upid,
  node,
  pid,
  pstart,
  starttime,
  type,
  id,
  ...splitUser(user),
});

/** A task is visible to its owner (with any of the owner's tokens), and to callers that may audit the node. */
const isOwn = (call: Call, task: { user: string }): boolean =>
  task.user === callerId(call.caller) || task.user.split('!')[0] === callerId(call.caller);

function find(call: Call): Task | undefined {
  const upid = call.text('upid');
  const parts = parseUpid(upid);
  if (!parts) throw paramError({ upid: 'unable to parse worker upid' });
  if (!isOwn(call, parts)) call.need(`/nodes/${call.node}`, 'Sys.Audit');
  return call.world.tasks.get(upid);
}

function existing(call: Call): Task {
  const task = find(call);
  if (!task) throw paramError({ upid: 'no such task' });
  return task;
}

function status(call: Call): object {
  const task = existing(call);
  const end =
    task.exitstatus === undefined
      ? { status: 'running' }
      : { status: 'stopped', exitstatus: task.exitstatus };
  return { ...describe(task), ...end };
}

function log(call: Call): Answer {
  const task = find(call);
  const lines = task
    ? task.log.length === 0
      ? ['no content']
      : task.log
    : ['unable to open file - No such file or directory'];
  const start = call.int('start') ?? 0;
  const limit = call.int('limit') ?? 50;
  const numbered = lines.map((t, i) => ({ n: i + 1, t }));
  return new Answer(numbered.slice(start, limit === 0 ? undefined : start + limit), { total: lines.length });
}

function abort(call: Call): null {
  const parts = parseUpid(call.text('upid'));
  if (!parts) throw paramError({ upid: 'unable to parse worker upid' });
  if (!isOwn(call, parts)) call.need(`/nodes/${call.node}`, 'Sys.Modify');
  const task = call.world.tasks.get(call.text('upid'));
  if (!task) throw paramError({ upid: 'no such task' });
  call.world.tasks.abort(task.upid);
  return null;
}

const statusType = (exitstatus: string): string =>
  exitstatus === 'OK'
    ? 'ok'
    : exitstatus.startsWith('WARNINGS')
      ? 'warning'
      : exitstatus === 'unexpected status'
        ? 'unknown'
        : 'error';

function matches(call: Call, task: Task): boolean {
  const filters = splitList(call.get('statusfilter') ?? '').map((name) => name.toLowerCase());
  const kind = task.exitstatus === undefined ? undefined : statusType(task.exitstatus);
  const tests = [
    call.get('vmid') === undefined || task.id === call.get('vmid'),
    call.get('typefilter') === undefined || task.type === call.get('typefilter'),
    call.get('userfilter') === undefined ||
      task.user.toLowerCase().includes(call.text('userfilter').toLowerCase()),
    call.get('since') === undefined || task.starttime >= Number(call.text('since')),
    call.get('until') === undefined || task.starttime <= Number(call.text('until')),
    filters.length === 0 || (kind !== undefined && filters.includes(kind)),
    call.flag('errors') !== true || kind === 'error',
  ];
  return tests.every(Boolean);
}

const activeRow = (task: Task): object => {
  const { upid, node, pid, pstart, starttime, type, id, user } = task;
  return { upid, node, pid, pstart, starttime, type, id, user, saved: '0', status: 'RUNNING' };
};

const endedRow = (task: Task): object => ({
  ...describe(task),
  endtime: task.endtime,
  status: task.exitstatus,
});

function list(call: Call): Answer | readonly object[] {
  const source = call.get('source') ?? 'archive';
  const audit = call.may(`/nodes/${call.node}`, 'Sys.Audit');
  const found = call.world.tasks
    .list()
    .filter((task) => task.node === call.node && (audit || isOwn(call, task)) && matches(call, task));
  const active =
    source === 'archive' ? [] : found.filter((task) => task.exitstatus === undefined).map(activeRow);
  const ended =
    source === 'active' ? [] : found.filter((task) => task.exitstatus !== undefined).map(endedRow);
  const rows = [...active, ...ended];
  const start = call.int('start') ?? 0;
  const limit = call.int('limit') ?? 50;
  // An empty list is returned without its total.
  return rows.length === 0 ? [] : new Answer(rows.slice(start, start + limit), { total: rows.length });
}

const RECENT = 25;

/** The recent tasks of every node. */
function clusterTasks(call: Call): readonly object[] {
  const recent = new Map<string, number>();
  return call.world.tasks
    .list()
    .filter((task) => isOwn(call, task) || call.may(`/nodes/${task.node}`, 'Sys.Audit'))
    .filter((task) => {
      const count = (recent.get(task.node) ?? 0) + 1;
      recent.set(task.node, count);
      return task.exitstatus === undefined || count <= RECENT;
    })
    .map((task) => {
      const { pid: _pid, pstart: _pstart, ...row } = describe(task);
      return task.exitstatus === undefined
        ? { ...row, saved: '0' }
        : { ...row, saved: '1', endtime: task.endtime, status: task.exitstatus };
    });
}

export const taskRoutes: Routes = {
  'GET /nodes/{node}/tasks': list,
  'GET /cluster/tasks': clusterTasks,
  [`GET ${TASK}`]: () => [{ name: 'log' }, { name: 'status' }],
  [`DELETE ${TASK}`]: abort,
  [`GET ${TASK}/status`]: status,
  [`GET ${TASK}/log`]: log,
};
