/**
 * Fetches a URL over HTTP(S). Redirects are followed here, so that each hop is checked: its address, its scheme, and
 * which headers it may see.
 */
import { getCACertificates } from 'node:tls';
import type { LookupFunction } from 'node:net';
import { Client, type Dispatcher } from 'undici';
import { failed, refused, DownloadProblem } from './problem.ts';
import { resolvePublic, type ResolvedAddress, type Resolve } from './resolve.ts';

export interface Source {
  readonly url: string;
  /** Secret. They are sent to the origin of the URL only. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** PEM, in addition to the CAs of the system. */
  readonly ca?: string | undefined;
}

export interface FetchOptions {
  readonly signal: AbortSignal;
  /** Default: `resolvePublic`. */
  readonly resolve?: Resolve | undefined;
  /** How long the server may be silent. Default: 1 min. */
  readonly stallMs?: number | undefined;
}

export interface Fetched {
  /** Of the body, where the server says so. */
  readonly length: number | undefined;
  readonly body: AsyncIterable<Buffer>;
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 30_000;
const STALL_MS = 60_000;
const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** The file as it is on the server: its checksum is that of these bytes. */
const OWN_HEADERS = { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'virtrigaud-proxmox' };

/** @throws DownloadProblem; the signal's reason if the signal fires */
export async function fetchSource(source: Source, options: FetchOptions): Promise<Fetched> {
  const first = urlOf(source.url);
  if (!first) throw refused('spec.download.url is no http or https URL.');
  let url = first;
  for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
    const headers = url.origin === first.origin ? (source.headers ?? {}) : {};
    const answer = await get(url, { ...options, headers, ca: source.ca });
    if (!REDIRECTS.has(answer.status)) return accepted(answer, url);
    await answer.close();
    url = redirected(url, answer.location);
  }
  throw refused(
    `The server ${first.host} redirects more than ${MAX_REDIRECTS} times. Set spec.download.url to where the file is.`,
  );
}

function urlOf(text: string, base?: URL): URL | undefined {
  if (!URL.canParse(text, base?.href)) return undefined;
  const url = new URL(text, base?.href);
  const isPlain = url.username === '' && url.password === '';
  return isPlain && /^https?:$/.test(url.protocol) ? url : undefined;
}

function redirected(from: URL, location: string | undefined): URL {
  const to = location === undefined ? undefined : urlOf(location, from);
  if (!to)
    throw refused(
      `The server ${from.host} redirects to something that is no http or https URL without a user name. Set spec.download.url to where the file is.`,
    );
  if (from.protocol === 'https:' && to.protocol === 'http:')
    throw refused(
      `The server ${from.host} redirects from https to http, which is not followed. Set spec.download.url to where the file is.`,
    );
  return to;
}

interface Answer extends Fetched {
  readonly status: number;
  readonly location: string | undefined;
}

interface Hop extends FetchOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly ca: string | undefined;
}

async function get(
  url: URL,
  { signal, resolve = resolvePublic, headers, ca, ...limits }: Hop,
): Promise<Answer> {
  signal.throwIfAborted();
  const addresses = await resolve(url.hostname);
  const stall = limits.stallMs ?? STALL_MS;
  const client = new Client(url.origin, {
    connect: {
      lookup: pinnedTo(addresses),
      timeout: CONNECT_TIMEOUT_MS,
      ...(ca !== undefined && { ca: [...getCACertificates(), ca] }),
    },
    headersTimeout: stall,
    bodyTimeout: stall,
    maxHeaderSize: 64 * 1024,
  });
  const close = (): Promise<void> => client.destroy().catch(() => undefined);
  try {
    const path = url.pathname + url.search;
    const allHeaders = { ...headers, ...OWN_HEADERS };
    const response = await client.request({ method: 'GET', path, headers: allHeaders, signal });
    return answerOf(response, { url, signal, close });
  } catch (error) {
    await close();
    throw problemOf(error, url, signal);
  }
}

/** The name is not looked up again: what was checked is what is connected to. */
const pinnedTo =
  (addresses: readonly ResolvedAddress[]): LookupFunction =>
  (_host, { all }, done) => {
    const [first] = addresses;
    if (all) done(null, [...addresses]);
    else if (first) done(null, first.address, first.family);
    else done(new Error('There is no address.'), '');
  };

function answerOf(
  { statusCode, headers, body }: Dispatcher.ResponseData,
  {
    url,
    signal,
    close,
  }: { readonly url: URL; readonly signal: AbortSignal; readonly close: () => Promise<void> },
): Answer {
  const length = Number(headers['content-length'] ?? NaN);
  const { location } = headers;
  // Its failures are seen by whoever reads it. If nobody does, they are of no interest.
  body.on('error', () => undefined);
  return {
    status: statusCode,
    location: typeof location === 'string' ? location : undefined,
    length: Number.isSafeInteger(length) ? length : undefined,
    body: chunksOf(body, url, signal),
    close,
  };
}

async function* chunksOf(
  body: AsyncIterable<unknown>,
  url: URL,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void> {
  try {
    for await (const chunk of body) if (Buffer.isBuffer(chunk) && chunk.length > 0) yield chunk;
  } catch (error) {
    throw problemOf(error, url, signal);
  }
}

async function accepted(answer: Answer, { host }: URL): Promise<Fetched> {
  const { status } = answer;
  if (status === 200) return answer;
  await answer.close();
  const retried = status >= 500 || status === 429 || status === 408;
  const hint =
    status === 401 || status === 403
      ? ' If it needs a header, name a Secret that has it in spec.download.headersSecretRef.'
      : status === 404
        ? ' Correct spec.download.url.'
        : '';
  throw (retried ? failed : refused)(`The server ${host} answered with HTTP status ${status}.${hint}`);
}

const codeOf = (error: unknown): string => {
  if (typeof error !== 'object' || error === null) return '';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return 'cause' in error ? codeOf(error.cause) : '';
};

const UNTRUSTED = /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS|ALTNAME/;
const SILENT = /TIMEOUT|ETIMEDOUT/;

/** No text of an error of somebody else's is repeated: only what its code says. */
function problemOf(error: unknown, { host }: URL, signal: AbortSignal): Error {
  if (error instanceof DownloadProblem) return error;
  if (signal.aborted) return reasonOf(signal);
  const code = codeOf(error);
  if (UNTRUSTED.test(code))
    return failed(
      `The certificate of the server ${host} is not trusted (${code}). Set spec.download.caBundle to the CA that issued it.`,
      error,
    );
  const what = SILENT.test(code) ? 'does not answer' : 'cannot be reached, or the connection broke';
  return failed(`The server ${host} ${what}${code === '' ? '' : ` (${code})`}.`, error);
}

const reasonOf = ({ reason }: AbortSignal): Error =>
  reason instanceof Error ? reason : new Error('The download was cancelled.', { cause: reason });
