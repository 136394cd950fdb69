/** Reads what a plan has to know: of the file, and of the guests that status names. Changes nothing. */
import { PveError, type ActiveTask, type CallOptions, type View } from '../../../src/pve/index.ts';
import { nodeName, upid, type NodeName, type Vmid } from '../../../src/lib/units.ts';
import type { Connection } from '../../shared/cluster/connections.ts';
import { contentOf, fileNameIn } from '../../shared/images/file-name.ts';
import { smbiosUuidOf } from '../../shared/guests/identity.ts';
import { isSameImage, parseImageMark, type ImageMark } from '../../shared/guests/image-mark.ts';
import { withLogReason } from '../../shared/tasks/log-reason.ts';
import type { LinkedClone } from '../../shared/guests/linked-clones.ts';
import { percentIn } from './progress.ts';
import type { DownloadEntry, FileSeen, GuestSeen, TaskSeen, TemplateEntry } from './model.ts';
import { clonesOf } from './removal.ts';

interface Source {
  readonly connection: Pick<Connection, 'pve'>;
  readonly view: View;
  readonly options: CallOptions;
}

const LOG_LINES = 20;

async function taskOf(
  { node, task }: Pick<DownloadEntry, 'node' | 'task'>,
  { connection: { pve }, options }: Source,
): Promise<TaskSeen> {
  if (task === undefined) return { state: 'none' };
  const handle = pve.node(node).task(upid(task));
  const state = await handle.status(options);
  if (state.state === 'running') return { state: 'running' };
  if (state.state !== 'failed') return { state: 'none' };
  const log = await handle.log(LOG_LINES, options).catch(() => []);
  return { state: 'failed', message: withLogReason(state.exitStatus, log) };
}

/** It is only told: what cannot be read now is read at the next poll. */
async function percentOf(
  { node, task }: DownloadEntry,
  { connection, options }: Source,
): Promise<number | undefined> {
  if (task === undefined) return undefined;
  const log = await connection.pve
    .node(node)
    .task(upid(task))
    .log(LOG_LINES, options)
    .catch(() => []);
  return percentIn(log);
}

/** Somebody's task: those of uploads do not name their file, and run on the node that the file was sent to. */
const isUploadBusy = (tasks: readonly Pick<ActiveTask, 'type'>[], { activeTasks }: View): boolean =>
  [...tasks, ...activeTasks].some(({ type }) => type === 'imgcopy');

export async function seeFile(entry: DownloadEntry, source: Source): Promise<FileSeen> {
  const { connection, options, view } = source;
  const task = await taskOf({ task: entry.task, node: taskNode(entry) }, source);
  if (task.state === 'running')
    return { task, isThere: false, isBusy: true, percent: await percentOf(entry, source) };
  const node = connection.pve.node(entry.node);
  // Before the list: what ends in between is in the list then.
  const tasks = await node.activeTasks(undefined, options);
  const isBusy =
    entry.via === 'Operator'
      ? isUploadBusy(tasks, view)
      : tasks.some(({ id, type }) => type === 'download' && id === fileNameIn(entry.volume));
  const volumes = await node.storage(entry.storage).content(contentOf(entry.volume), options);
  const found = volumes.find(({ volid }) => volid === entry.volume);
  return { task, isBusy, isThere: found !== undefined, size: found?.size };
}

/** A guest whose creation was interrupted has only its lock: nothing says whose it is. */
const IN_FLIGHT_MS = 60_000;

export async function seeGuest(
  entry: TemplateEntry,
  {
    mark,
    now,
    ...source
  }: Source & { readonly mark: Pick<ImageMark, 'cluster' | 'uid'>; readonly now: number },
): Promise<GuestSeen> {
  const { connection, view, options } = source;
  const task = await taskOf({ node: taskNode(entry), task: entry.task }, source);
  const listed = view.guests.get(entry.vmid);
  const node = listed?.node ?? entry.node;
  // The number is that of a container, which has no configuration of this kind.
  if (listed?.type === 'lxc') return { task, node, guest: 'foreign' };
  const config = await configAt(entry.vmid, node, source);
  if (config === 'absent') {
    const { free } = await connection.pve.cluster.nextid(entry.vmid, options);
    return { task, node, guest: free ? 'absent' : 'unknown' };
  }
  const guest = stateOf(config, mark, { isYoung: isYoung(entry, task, now) });
  const clones = guest === 'template' ? await clonesNeeding({ ...entry, node }, task, source) : undefined;
  return { task, node, guest, ...(clones && { clones }) };
}

/** A request that nobody waits for any more has arrived by then. */
const isYoung = ({ at }: TemplateEntry, task: TaskSeen, now: number): boolean =>
  Date.parse(at) + IN_FLIGHT_MS > now || task.state === 'running';

function stateOf(
  config: Readonly<Record<string, string>>,
  mark: Pick<ImageMark, 'cluster' | 'uid'>,
  { isYoung: mayBeInCreation }: { readonly isYoung: boolean },
): GuestSeen['guest'] {
  const { description, lock, template } = config;
  const isOurs =
    isSameImage(parseImageMark(description), mark) && smbiosUuidOf(config) === mark.uid.toLowerCase();
  if (!isOurs) return lock === 'create' && mayBeInCreation ? 'busy' : 'foreign';
  if (lock !== undefined) return 'busy';
  return template === '1' ? 'template' : 'guest';
}

/** Read only after a refusal, and only to say who is in the way: what the credentials may not see is not named. */
async function clonesNeeding(
  { state, vmid, node, storage }: TemplateEntry,
  task: TaskSeen,
  { connection: { pve }, options }: Source,
): Promise<readonly LinkedClone[] | undefined> {
  if (state !== 'Deleting' || task.state !== 'failed') return undefined;
  const volumes = await pve
    .node(node)
    .storage(storage)
    .content('images', options)
    .catch(() => []);
  return clonesOf(vmid, volumes);
}

const taskNode = ({ node, task }: Pick<TemplateEntry, 'node' | 'task'>): NodeName =>
  nodeName(task?.split(':')[1] ?? node);

async function configAt(
  vmid: Vmid,
  node: NodeName,
  { connection: { pve }, options }: Source,
): Promise<Readonly<Record<string, string>> | 'absent'> {
  try {
    return (await pve.node(node).qemu(vmid).config(options)).values;
  } catch (error) {
    if (error instanceof PveError && error.absent === 'guest') return 'absent';
    throw error;
  }
}
