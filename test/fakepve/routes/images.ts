import { createHash } from 'node:crypto';
import { lookup as systemLookup } from 'node:dns';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { failure, paramError } from '../errors.ts';
import { DECOMPRESSED, checkImage, unpack, verifyDownload } from '../image-files.ts';
import { bytesOf, requireSpace } from './storage.ts';
import type { IncomingMessage } from 'node:http';
import type { LookupFunction } from 'node:net';
import type { Call, Routes } from '../call.ts';
import type { Storage } from '../storage.ts';
import type { TaskRun } from '../tasks.ts';

const STORAGE = '/nodes/{node}/storage/{storage}';

const extensions: Readonly<
  Record<string, { readonly pattern: RegExp; readonly complaint: string; readonly directory: string }>
> = {
  iso: { pattern: /\.(?:iso|img)$/i, complaint: 'wrong file extension', directory: 'iso' },
  vztmpl: { pattern: /\.tar\.(?:gz|xz|zst|bz2)$/i, complaint: 'wrong file extension', directory: 'vztmpl' },
  import: {
    pattern: /\.(?:ova|qcow2|raw|vmdk)$/,
    complaint: 'invalid filename or wrong extension',
    directory: 'import',
  },
};

/** Directories in the name are dropped, and special characters become underscores. */
const normalName = (name: string): string =>
  (name.split(/[/\\]/).at(-1) ?? '').replace(/[^-a-zA-Z0-9_.]/g, '_');

interface Target {
  readonly storage: Storage;
  readonly name: string;
  readonly volume: string;
  readonly path: string;
}

function target(
  call: Call,
  refusal = (id: string, kind: string) => `storage '${id}' does not support '${kind}' content`,
): Target {
  const { world } = call;
  const kind = call.text('content');
  const rule = extensions[kind];
  const name = normalName(call.text('filename'));
  const storage = world.storage.on(call.text('storage'), call.node);
  if (!rule?.pattern.test(name)) throw paramError({ filename: rule?.complaint ?? 'wrong file extension' });
  if (!storage.content.includes(kind)) throw failure(refusal(storage.id, kind));
  const volume = `${rule.directory}/${name}`;
  return { storage, name, volume, path: world.storage.path(storage, volume) };
}

function keep(call: Call, { storage, volume }: Target, data: Buffer): void {
  const parsed = call.world.storage.parseName(storage, volume);
  const file = bytesOf(storage, volume, data, call.world.seconds(call.node), parsed);
  call.world.storage.arrivals.push(file);
  call.world.storage.put(file, call.node);
}

function checkSum(call: Call, data: Buffer, run: TaskRun): void {
  const algorithm = call.get('checksum-algorithm');
  const expected = call.get('checksum');
  if (algorithm === undefined || expected === undefined) return;
  const sum = createHash(algorithm).update(data).digest('hex');
  run.log(`calculating checksum...${sum === expected.toLowerCase() ? 'OK, checksum verified' : ''}`);
  if (sum !== expected.toLowerCase())
    throw failure(`checksum mismatch: got '${sum}' != expect '${expected}'`);
}

function upload(call: Call): string {
  const { world, file } = call;
  if (!file) throw paramError({ filename: 'property is missing and it is not optional' });
  const to = target(call);
  requireSpace(call, to.storage, file.data.length);
  const temporary = `/var/tmp/pveupload-${world.random.hex(32)}`;
  return call.start('imgcopy', '', async (run) => {
    run.log(`starting file import from: ${temporary}`);
    checkSum(call, file.data, run);
    run.log(`target node: ${call.node}`);
    run.log(`target file: ${to.path}`);
    run.log(`file size is: ${file.data.length}`);
    checkImage(to.volume, file.data, temporary);
    run.log(`command: cp -- ${temporary} ${to.path}`);
    await run.sleep(world.latency.imgcopy);
    keep(call, to, file.data);
    run.log('finished file import successfully');
  });
}

interface Fetched {
  readonly status: number;
  readonly reason: string;
  readonly type: string | undefined;
  readonly length: number | undefined;
  readonly data: Buffer;
}

async function collect(response: IncomingMessage): Promise<Fetched> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const { 'content-type': type, 'content-length': length } = response.headers;
  return {
    status: response.statusCode ?? 0,
    reason: response.statusMessage ?? '',
    type,
    length: length === undefined ? undefined : Number(length),
    data: Buffer.concat(chunks),
  };
}

/** Names below `.test` are this machine: no node may be told to fetch from 127.0.0.1. */
const lookup: LookupFunction = (name, options, done) => {
  if (!name.endsWith('.test')) systemLookup(name, options, done);
  else if (options.all) done(null, [{ address: '127.0.0.1', family: 4 }]);
  else done(null, '127.0.0.1', 4);
};

function fetchUrl(url: string, method: 'GET' | 'HEAD', verify: boolean): Promise<Fetched> {
  const send = url.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send(url, { method, agent: false, rejectUnauthorized: verify, lookup }, (response) => {
      collect(response).then(resolve, reject);
    });
    request.on('error', reject).end();
  });
}

/** With the error text of the program that PVE uses for downloads. */
function downloadError(error: unknown, url: string): Error {
  const { hostname, port, protocol } = new URL(url);
  const at = `${hostname}:${port || (protocol === 'https:' ? '443' : '80')}`;
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  if (code === 'ECONNREFUSED')
    return failure(`download failed: Connecting to ${at}... failed: Connection refused.`);
  return failure(`download failed: exit code ${code === 'ENOTFOUND' || code === 'EAI_AGAIN' ? 4 : 5}`);
}

async function fetchImage(call: Call, url: string): Promise<Buffer> {
  const response = await fetchUrl(url, 'GET', call.flag('verify-certificates') ?? true).catch(
    (error: unknown) => {
      throw downloadError(error, url);
    },
  );
  if (response.status >= 400) throw failure('download failed: exit code 8');
  return response.data;
}

/** A file with the right checksum need not be fetched again. */
function checkExisting(call: Call, { path }: Target, data: Buffer, run: TaskRun): void {
  const algorithm = call.get('checksum-algorithm');
  const expected = call.get('checksum');
  if (algorithm === undefined || expected === undefined)
    throw failure(`refusing to override existing file '${path}'`);
  const sum = createHash(algorithm).update(data).digest('hex');
  if (sum !== expected.toLowerCase()) {
    run.log('calculating checksum of existing file...');
    throw failure(`checksum mismatch: got '${sum}' != expect '${expected}', aborting`);
  }
  run.log('calculating checksum of existing file...OK, got correct file already, no need to download');
}

/** The task is aborted while it downloads. */
function interruptible<T>({ signal }: TaskRun, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => reject(failure('download failed: received interrupt')), {
    once: true,
  });
  return Promise.race([work, promise]);
}

function download(call: Call): string {
  const { world } = call;
  const to = target(call, (id, kind) =>
    kind === 'import'
      ? `storage '${id}' is not configured for content-type 'import'`
      : `storage '${id}' does not support '${kind}' content`,
  );
  const url = call.text('url');
  return call.start('download', to.name, async (run) => {
    const compression = call.get('compression');
    if (compression !== undefined && !DECOMPRESSED.has(compression))
      throw failure('no decompression method found');
    run.log(`downloading ${url} to ${to.path}`);
    const existing = world.storage.find(`${to.storage.id}:${to.volume}`, call.node);
    if (existing) {
      checkExisting(call, to, existing.data ?? Buffer.alloc(0), run);
      return;
    }
    if (to.volume.startsWith('import/') && compression !== undefined)
      throw failure('decompression not supported for import');
    const temporary = `${to.path}.tmp_dwnl.${run.task.pid}`;
    const at = new Date(world.timeOn(call.node)).toISOString().slice(0, 19).replace('T', ' ');
    run.log(`--${at}--  ${url}`);
    const data = await interruptible(run, fetchImage(call, url));
    await run.sleep(world.latency.download);
    requireSpace(call, to.storage, data.length);
    checkSum(call, data, run);
    const unpacked = unpack(compression, data, temporary);
    verifyDownload(to.volume, unpacked, temporary);
    keep(call, to, unpacked);
    run.log(`download of '${url}' to '${to.path}' finished`);
  });
}

async function metadata(call: Call): Promise<object> {
  const url = call.text('url');
  const response = await fetchUrl(url, 'HEAD', call.flag('verify-certificates') ?? true).catch(
    (error: unknown) => {
      const { host } = new URL(url);
      const text = error instanceof Error ? error.message : String(error);
      const reason = text.includes('ECONNREFUSED') ? 'Connection refused' : text;
      throw failure(`invalid server response: '500 Can't connect to ${host} (${reason})'`);
    },
  );
  if (response.status !== 200)
    throw failure(`invalid server response: '${response.status} ${response.reason}'`);
  const filename = new URL(url).pathname.split('/').at(-1);
  return {
    ...(filename ? { filename } : {}),
    ...(response.length === undefined ? {} : { size: response.length }),
    ...(response.type === undefined ? {} : { mimetype: response.type }),
  };
}

export const imageRoutes: Routes = {
  [`POST ${STORAGE}/upload`]: upload,
  [`POST ${STORAGE}/download-url`]: download,
  'GET /nodes/{node}/query-url-metadata': metadata,
};
