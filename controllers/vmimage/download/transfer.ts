/** Fetches a file through the operator, and says what became of it. Nothing of this is awaited by a pass. */
import type { Reason, VMImage, VMImageSpec } from '../../../src/api/index.ts';
import {
  DownloadProblem,
  headersIn,
  measure,
  readImage,
  type DiskFormat,
  type Measured,
  type ProblemReason,
  type ReadOptions,
  type Resolve,
  type TransferControl,
  type TransferProgress,
  type Transfers,
  type TransferState,
} from '../../../src/download/index.ts';
import type { Upid } from '../../../src/lib/units.ts';
import { PveError } from '../../../src/pve/index.ts';
import type { Connection } from '../../shared/cluster/connections.ts';
import { isRefusal } from '../../shared/errors/refusals.ts';
import { outcomeOf } from '../../shared/errors/outcome-of.ts';
import type { DownloadEntry, Progress, TransferSeen } from './model.ts';

export type Transferred =
  | { readonly kind: 'measured'; readonly measured: Measured }
  | { readonly kind: 'uploaded'; readonly task: Upid }
  | { readonly kind: 'unknown' };

type ReadImage = typeof readImage;

export interface TransferPorts {
  readonly transfers: Transfers<Transferred>;
  readonly readSecret: (
    namespace: string,
    name: string,
  ) => Promise<{ readonly values: Readonly<Record<string, string>> } | undefined>;
  /** Which addresses a host may be reached at. Absent: those that it has, except for forbidden ones. */
  readonly resolveDownload?: Resolve | undefined;
  /** Absent: over HTTP(S). */
  readonly readImage?: ReadImage | undefined;
}

/** What is fetched, for whom and to where. */
export interface TransferTarget {
  readonly image: VMImage;
  /** `namespace/name` */
  readonly provider: string;
  readonly connection: Connection;
  readonly entry: DownloadEntry;
}

const GIB = 1024 ** 3;
const MAX_SIZE = 64 * GIB;

/** Another one for each spec: what is fetched with an old one is cancelled. */
export const transferKey = (
  { metadata: { uid, generation } }: Pick<VMImage, 'metadata'>,
  { provider, node }: Pick<DownloadEntry, 'provider' | 'node'>,
): string => `${uid} ${provider} ${node} ${generation}`;

/** Cancels what is fetched for an image with another spec, or at all. */
export function dropTransfers(
  { metadata: { uid } }: Pick<VMImage, 'metadata'>,
  { transfers }: Pick<TransferPorts, 'transfers'>,
  isKept: (key: string) => boolean = () => false,
): void {
  transfers.drop((key) => key.startsWith(`${uid} `) && !isKept(key));
}

/** Whether anything is sent to the node, though it may have been cancelled. */
export const isSending = (
  { metadata: { uid } }: Pick<VMImage, 'metadata'>,
  { provider, node }: Pick<DownloadEntry, 'provider' | 'node'>,
  { transfers }: Pick<TransferPorts, 'transfers'>,
): boolean => transfers.isRunning((key) => key.startsWith(`${uid} ${provider} ${node} `));

export function startMeasuring(target: TransferTarget, ports: TransferPorts): void {
  const read = ports.readImage ?? readImage;
  start(target, ports, async (options) => ({ kind: 'measured', measured: await measure(read(options)) }));
}

export function startUpload(target: TransferTarget, ports: TransferPorts): void {
  const { size, sha256 } = target.entry;
  if (size === undefined || sha256 === undefined) return;
  const expected = { bytes: size, sha256 };
  const read = ports.readImage ?? readImage;
  start(target, ports, (options, { signal, onProgress }) =>
    upload(target, {
      read: () => read({ ...options, expected, onProgress: undefined }),
      expected,
      signal,
      onProgress,
    }),
  );
}

type Run = (options: ReadOptions, control: TransferControl) => Promise<Transferred>;

function start(target: TransferTarget, ports: TransferPorts, run: Run): void {
  const { image, provider, entry } = target;
  const { download } = image.spec;
  if (!download) return;
  ports.transfers.start(transferKey(image, entry), {
    owner: image.metadata.namespace,
    lane: provider,
    run: async (control) => {
      const headers = await headersOf(image.metadata.namespace, download, ports);
      return run(readOptions(target.entry, download, { headers, control, ports }), control);
    },
  });
}

type Download = NonNullable<VMImageSpec['download']>;

interface Reading {
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly control: TransferControl;
  readonly ports: TransferPorts;
}

function readOptions(
  { volume }: DownloadEntry,
  { url, caBundle, checksum, maxSize }: Download,
  { headers, control, ports }: Reading,
): ReadOptions {
  const [algorithm = '', digits = ''] = checksum?.split(':') ?? [];
  return {
    source: { url, headers, ca: caBundle },
    checksum: digits === '' ? undefined : { algorithm, digits },
    format: formatIn(volume),
    maxBytes: maxSize ?? MAX_SIZE,
    signal: control.signal,
    resolve: ports.resolveDownload,
    onProgress: ({ bytes, total }) => control.onProgress({ phase: 'Verifying', bytes, total }),
  };
}

const formatIn = (volume: string): DiskFormat =>
  volume.endsWith('.raw') ? 'raw' : volume.endsWith('.vmdk') ? 'vmdk' : 'qcow2';

/** The Secret has none, or no usable headers. */
class HeadersProblem extends Error {
  override readonly name = 'HeadersProblem';
  readonly reason: Reason;
  constructor(reason: Reason, message: string) {
    super(message);
    this.reason = reason;
  }
}

async function headersOf(
  namespace: string,
  { headersSecretRef: ref }: Download,
  { readSecret }: TransferPorts,
): Promise<Readonly<Record<string, string>> | undefined> {
  if (!ref) return undefined;
  const what = `Secret ${namespace}/${ref.name}, which spec.download.headersSecretRef names,`;
  const secret = await readSecret(namespace, ref.name);
  if (!secret) throw new HeadersProblem('SecretNotFound', `${what} does not exist. Create it.`);
  const headers = headersIn(secret.values);
  if ('problem' in headers) throw new HeadersProblem('InvalidSpec', `${what} ${headers.problem}`);
  return headers.value;
}

interface Uploading extends TransferControl {
  /** Once for each attempt. */
  readonly read: () => AsyncIterable<Buffer>;
  readonly expected: Measured;
}

async function upload(
  { connection, entry }: TransferTarget,
  { read, expected: { bytes: total, sha256 }, signal, onProgress }: Uploading,
): Promise<Transferred> {
  const sent = { isComplete: false };
  const broken: Error[] = [];
  async function* pieces(): AsyncGenerator<Buffer, void> {
    sent.isComplete = false;
    broken.length = 0;
    let bytes = 0;
    try {
      for await (const piece of read()) {
        yield piece;
        bytes += piece.length;
        onProgress({ phase: 'Uploading', bytes, total });
      }
      sent.isComplete = true;
    } catch (error) {
      broken.push(error instanceof Error ? error : new Error('It broke.', { cause: error }));
      throw error;
    }
  }
  try {
    const task = await connection.pve
      .node(entry.node)
      .storage(entry.storage)
      .uploadImage(
        {
          filename: entry.volume.slice(entry.volume.indexOf('/') + 1),
          sha256,
          file: { bytes: total, pieces },
        },
        { signal },
      );
    return { kind: 'uploaded', task };
  } catch (error) {
    const [problem] = broken;
    if (problem) throw problem;
    // What is not complete is deleted by Proxmox VE, and has no task.
    if (sent.isComplete && !isRefusal(error)) return { kind: 'unknown' };
    throw error;
  }
}

/** What this process does for a download; `undefined`: nothing. */
export function seeTransfer(state: TransferState<Transferred> | undefined): TransferSeen | undefined {
  switch (state?.state) {
    case undefined:
      return undefined;
    case 'queued':
      return state;
    case 'running':
      return { state: 'running', progress: shown(state.progress) };
    case 'done':
      return done(state.result, state.at);
    case 'failed':
      return { state: 'failed', at: state.at, ...failureIn(state.error) };
    default:
      return state satisfies never;
  }
}

function done(result: Transferred, at: number): TransferSeen {
  switch (result.kind) {
    case 'measured':
      return { state: 'measured', size: result.measured.bytes, sha256: result.measured.sha256 };
    case 'uploaded':
      return { state: 'uploaded', task: result.task, at };
    case 'unknown':
      return { state: 'unknown' };
    default:
      return result satisfies never;
  }
}

function shown(progress: TransferProgress | undefined): Progress {
  const { phase = 'Verifying', bytes = 0, total } = progress ?? {};
  const percent = total === undefined || total === 0 ? undefined : Math.floor((bytes / total) * 100);
  return { phase, bytes, ...(total !== undefined && { total }), ...(percent !== undefined && { percent }) };
}

type TransferFailure = Pick<Extract<TransferSeen, { state: 'failed' }>, 'reason' | 'message' | 'isOfSource'>;

const BECAUSE: Readonly<Record<ProblemReason, Reason>> = {
  DownloadFailed: 'DownloadFailed',
  DownloadRefused: 'DownloadRefused',
  ChecksumMismatch: 'ChecksumMismatch',
};

function failureIn(error: unknown): TransferFailure {
  if (error instanceof DownloadProblem)
    return { reason: BECAUSE[error.reason], message: error.message, isOfSource: true };
  if (error instanceof HeadersProblem)
    return { reason: error.reason, message: error.message, isOfSource: false };
  const outcome = error instanceof PveError ? outcomeOf(error) : undefined;
  if (outcome && 'reason' in outcome && outcome.reason !== 'OutcomeUnknown')
    return { reason: outcome.reason, message: outcome.message, isOfSource: false };
  // The text of an error that nobody expects may have anything in it.
  const why =
    error instanceof PveError
      ? 'The connection to Proxmox VE broke.'
      : `Something unexpected happened (${error instanceof Error ? error.name : typeof error}).`;
  return {
    reason: 'DownloadFailed',
    message: `The file was not transferred completely. ${why}`,
    isOfSource: false,
  };
}
