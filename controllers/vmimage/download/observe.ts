/** Reads what a plan has to know: of the file, and of the guests that status names. Changes nothing. */
import { PveError, type ActiveTask, type CallOptions, type View } from '../../../src/pve/index.ts';
import { nodeName, upid, type NodeName, type Vmid } from '../../../src/lib/units.ts';
import type { Connection } from '../../shared/cluster/connections.ts';
import { smbiosUuidOf } from '../../shared/guests/identity.ts';
import { isSameImage, parseImageMark, type ImageMark } from '../../shared/guests/image-mark.ts';
import { withLogReason } from '../../shared/tasks/log-reason.ts';
import type { DownloadEntry, FileSeen, GuestSeen, TaskSeen, TemplateEntry } from './model.ts';

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

export const fileNameIn = (volume: string): string => volume.slice(volume.indexOf('/') + 1);

/** Somebody's task: those of uploads do not name their file, and run on the node that the file was sent to. */
const isUploadBusy = (tasks: readonly Pick<ActiveTask, 'type'>[], { activeTasks }: View): boolean =>
  [...tasks, ...activeTasks].some(({ type }) => type === 'imgcopy');

export async function seeFile(entry: DownloadEntry, source: Source): Promise<FileSeen> {
  const { connection, options, view } = source;
  const task = await taskOf({ task: entry.task, node: taskNode(entry) }, source);
  if (task.state === 'running') return { task, isThere: false, isBusy: true };
  const node = connection.pve.node(entry.node);
  // Before the list: what ends in between is in the list then.
  const tasks = await node.activeTasks(undefined, options);
  const isBusy =
    entry.via === 'Operator'
      ? isUploadBusy(tasks, view)
      : tasks.some(({ id, type }) => type === 'download' && id === fileNameIn(entry.volume));
  const volumes = await node.storage(entry.storage).content('import', options);
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
  const node = view.guests.get(entry.vmid)?.node ?? entry.node;
  const config = await configAt(entry.vmid, node, source);
  if (config === 'absent') {
    const { free } = await connection.pve.cluster.nextid(entry.vmid, options);
    return { task, node, guest: free ? 'absent' : 'unknown' };
  }
  const { description, lock, template } = config;
  if (isSameImage(parseImageMark(description), mark) && smbiosUuidOf(config) === mark.uid.toLowerCase()) {
    if (lock !== undefined) return { task, node, guest: 'busy' };
    return { task, node, guest: template === '1' ? 'template' : 'guest' };
  }
  const isYoung = Date.parse(entry.at) + IN_FLIGHT_MS > now || task.state === 'running';
  return { task, node, guest: lock === 'create' && isYoung ? 'busy' : 'foreign' };
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
