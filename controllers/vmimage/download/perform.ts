/** Takes one step: changes status, or sends the one request that status announced. */
import { compressionOf, type VMImage } from '../../../src/api/index.ts';
import type { CallOptions } from '../../../src/pve/index.ts';
import type { NodeName, Upid, Vmid } from '../../../src/lib/units.ts';
import type { Connection } from '../../shared/cluster/connections.ts';
import { isRefusal } from '../../shared/errors/refusals.ts';
import { outcomeOf } from '../../shared/errors/outcome-of.ts';
import { contentOf, fileNameIn, isFileOf } from '../../shared/images/file-name.ts';
import type { ImageMark } from '../../shared/guests/image-mark.ts';
import type { DownloadEntry, Entries, Failure, Step, TemplateEntry } from './model.ts';
import type { Announced, Announcement } from './requests.ts';
import { startMeasuring, startUpload, type TransferPorts } from './transfer.ts';
import { wayOf } from '../../shared/images/way.ts';
import { settingsOf } from './settings.ts';

export interface Context {
  readonly image: VMImage;
  /** `namespace/name` */
  readonly provider: string;
  /** That the template is made on. Absent: where the file is. */
  readonly node: NodeName | undefined;
  /** The file that it is made of, if there is one. */
  readonly file: DownloadEntry | undefined;
  readonly connection: Connection;
  readonly mark: ImageMark;
  readonly pool: string | undefined;
  /** Reserves a VMID; `undefined`: there is none. */
  readonly reserve: () => Promise<Vmid | undefined>;
  readonly announced: Announced;
  readonly transfers: TransferPorts;
  readonly now: Date;
  readonly options: CallOptions;
}

const MAX_MESSAGE = 1000;

/** The entries as they are afterwards. Other Providers' are not touched. `undefined`: there is no VMID left. */
export async function perform(step: Step, before: Entries, context: Context): Promise<Entries | undefined> {
  const requested = await request(step, context);
  if (requested?.failure) return failed(before, context, requested.failure);
  return record(step, requested?.task, { before, context });
}

interface Requested {
  readonly task?: Upid | undefined;
  readonly failure?: Omit<Failure, 'attempts'> | undefined;
}

/** A refusal is recorded as a failure; what is not known is found out by later passes. */
async function request(step: Step, context: Context): Promise<Requested | undefined> {
  try {
    return { task: await send(step, context) };
  } catch (error) {
    const isTried = step.do === 'download' || step.do === 'create' || step.do === 'convert';
    const outcome = isTried && isRefusal(error) ? outcomeOf(error) : undefined;
    if (!outcome || !('reason' in outcome)) throw error;
    const message = outcome.message.slice(0, MAX_MESSAGE);
    const { now, image } = context;
    const generation = image.metadata.generation;
    return { failure: { reason: outcome.reason, message, at: now.toISOString(), generation } };
  }
}

async function send(step: Step, context: Context): Promise<Upid | undefined> {
  const { connection, options, mark, pool, image } = context;
  const { uid } = image.metadata;
  switch (step.do) {
    case 'download':
      context.announced.take(uid, step.entry);
      return sendDownload(step.entry, context);
    case 'create': {
      context.announced.take(uid, step.entry);
      const { node, vmid, storage } = step.entry;
      const settings = settingsOf(image, mark, { storage, volume: step.download.volume });
      return connection.pve.node(node).qemu(vmid).create({ settings, pool }, options);
    }
    case 'convert':
      return connection.pve.node(step.node).qemu(step.entry.vmid).convertToTemplate(options);
    case 'destroy':
      context.announced.take(uid, step.entry);
      return connection.pve.node(step.node).qemu(step.entry.vmid).destroy({ purge: true }, options);
    case 'deleteFile':
      return sendDeleteFile(step.entry, context);
    case 'verify':
      startMeasuring({ ...context, entry: step.entry }, context.transfers);
      return undefined;
    case 'upload':
      context.announced.take(uid, step.entry);
      startUpload({ ...context, entry: step.entry }, context.transfers);
      return undefined;
    case 'measured':
    case 'announceUpload':
    case 'progress':
    case 'uploaded':
    case 'announceDownload':
    case 'fileReady':
    case 'reserve':
    case 'announceCreate':
    case 'templateReady':
    case 'forgetFile':
    case 'announceDestroy':
    case 'forgetTemplate':
    case 'failed':
      return undefined;
    default:
      return step satisfies never;
  }
}

function sendDownload(
  entry: DownloadEntry,
  { connection, image, options }: Context,
): Promise<Upid> | undefined {
  const { download } = image.spec;
  if (!download) return undefined;
  const [algorithm = '', digits = ''] = download.checksum?.split(':') ?? [];
  const checksum = digits === '' ? undefined : { algorithm, digits: digits.toLowerCase() };
  const filename = fileNameIn(entry.volume);
  const content = contentOf(filename);
  const compression = content === 'iso' ? compressionOf(download.url) : undefined;
  return connection.pve
    .node(entry.node)
    .storage(entry.storage)
    .downloadUrl({ content, url: download.url, filename, compression, checksum }, options);
}

/** Only what its name says is ours. */
function sendDeleteFile(
  { node, storage, volume }: DownloadEntry,
  { connection, image, provider, options }: Context,
): Promise<Upid | undefined> | undefined {
  if (!isFileOf(volume, image.metadata.uid, provider)) return undefined;
  return connection.pve.node(node).storage(storage).deleteVolume(volume, options);
}

interface Recording {
  readonly before: Entries;
  readonly context: Context;
}

async function record(
  step: Step,
  task: Upid | undefined,
  { before, context }: Recording,
): Promise<Entries | undefined> {
  const { provider, now, announced, image } = context;
  const at = now.toISOString();
  const announce = <E extends Announcement>(entry: E): E => {
    announced.add(image.metadata.uid, entry);
    return entry;
  };
  switch (step.do) {
    case 'announceDownload': {
      const { node, storage } = step.place;
      const volume = `${storage}:${contentOf(step.file)}/${step.file}`;
      const failure = before.downloads.find(
        (each) => each.provider === provider && each.node === node && each.volume === volume,
      )?.failure;
      const entry: DownloadEntry = {
        provider,
        node,
        storage,
        volume,
        state: 'Downloading',
        at,
        ...sentBy(image),
        ...(failure && { failure }),
      };
      return withDownload(before, announce(entry));
    }
    case 'verify':
    case 'upload':
      return withDownload(before, { ...step.entry, at });
    case 'measured': {
      const { progress: _progress, ...entry } = step.entry;
      return withDownload(before, announce({ ...entry, size: step.size, sha256: step.sha256, at }));
    }
    case 'announceUpload':
      return withDownload(before, announce({ ...step.entry, task: undefined, at }));
    case 'progress':
      // Of a request to Proxmox VE the time says when it was announced.
      return withDownload(before, {
        ...step.entry,
        progress: step.progress,
        ...(step.entry.via === 'Operator' && { at }),
      });
    case 'uploaded': {
      const { progress: _progress, ...entry } = step.entry;
      return withDownload(before, { ...entry, task: step.task, at });
    }
    case 'fileReady': {
      const { failure: _failure, task: _task, progress: _progress, ...entry } = step.entry;
      return withDownload(before, { ...entry, state: 'Downloaded' });
    }
    case 'download':
    case 'deleteFile':
      return withDownload(before, { ...step.entry, task });
    case 'forgetFile':
      return { ...before, downloads: before.downloads.filter((each) => each !== step.entry) };
    case 'reserve':
      return reserved(step, { before, context });
    case 'announceCreate':
      return withTemplate(before, announce({ ...step.entry, task: undefined, at }));
    case 'announceDestroy':
      return withTemplate(before, announce({ ...step.entry, task: undefined, state: 'Deleting', at }));
    case 'create':
      return withTemplate(before, { ...step.entry, task });
    case 'convert':
    case 'destroy':
      return withTemplate(before, { ...step.entry, node: step.node, task });
    case 'templateReady':
      return withTemplate(before, { ...step.entry, node: step.node, task: undefined, state: 'Ready' });
    case 'forgetTemplate':
      context.connection.vmids.release(step.entry.vmid);
      return { ...before, templates: before.templates.filter((each) => each !== step.entry) };
    case 'failed': {
      const { message, reason = 'TaskFailed', isOfSource = false } = step;
      const generation = image.metadata.generation;
      const entries = isOfSource ? withoutMeasure(before, context.file) : before;
      return failed(entries, context, { reason, message, at, generation });
    }
    default:
      return step satisfies never;
  }
}

async function reserved(
  { entry, storage, instead }: Extract<Step, { do: 'reserve' }>,
  { before, context }: Recording,
): Promise<Entries | undefined> {
  const { provider, reserve, now, announced, image } = context;
  const vmid = await reserve();
  if (vmid === undefined) return undefined;
  const at = now.toISOString();
  const { checksum } = image.spec.download ?? {};
  const node = context.node ?? entry.node;
  const file = fileNameIn(entry.volume);
  const templates = before.templates.filter((each) => each.provider !== provider || each.vmid !== instead);
  const made = { provider, node, storage, vmid, file, state: 'Reserved', at } as const;
  announced.add(image.metadata.uid, made);
  return { ...before, templates: [...templates, { ...made, ...(checksum !== undefined && { checksum }) }] };
}

/** Nodes without shared storage have files of the same name. */
const isSame = (a: DownloadEntry, b: DownloadEntry | undefined): boolean =>
  a.provider === b?.provider && a.node === b.node && a.volume === b.volume;

const withDownload = (before: Entries, entry: DownloadEntry): Entries => ({
  ...before,
  downloads: [...before.downloads.filter((each) => !isSame(each, entry)), entry],
});

const withTemplate = (before: Entries, entry: TemplateEntry): Entries => ({
  ...before,
  templates: before.templates.map((each) =>
    each.provider === entry.provider && each.vmid === entry.vmid ? entry : each,
  ),
});

/** Status says who fetches a file only where it is not the node. */
function sentBy({ spec: { download } }: VMImage): Pick<DownloadEntry, 'via' | 'viaReason'> {
  const { via, reason } = download ? wayOf(download) : { via: 'ProxmoxVE' };
  return via === 'Operator' ? { via, viaReason: reason } : {};
}

/** What was measured was another file. */
const withoutMeasure = (before: Entries, file: DownloadEntry | undefined): Entries => ({
  ...before,
  downloads: before.downloads.map((entry) => {
    if (!isSame(entry, file)) return entry;
    const { size: _size, sha256: _sha256, ...rest } = entry;
    return rest;
  }),
});

/** Its task is over, and so is that of the guest that is being made. */
function failed(
  before: Entries,
  { provider, node, file }: Context,
  failure: Omit<Failure, 'attempts'>,
): Entries {
  const message = failure.message.slice(0, MAX_MESSAGE);
  return {
    downloads: before.downloads.map((entry) => {
      if (!isSame(entry, file)) return entry;
      const { task: _task, progress: _progress, ...rest } = entry;
      return { ...rest, failure: { ...failure, message, attempts: (entry.failure?.attempts ?? 0) + 1 } };
    }),
    templates: before.templates.map((entry) =>
      entry.provider === provider && entry.node === (node ?? entry.node) && entry.state === 'Reserved'
        ? { ...entry, task: undefined }
        : entry,
    ),
  };
}
