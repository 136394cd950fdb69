/** Builds the HTTP request from an endpoint and its parameters. */
import { randomUUID } from 'node:crypto';
import { isStreamed, type Endpoint, type Method, type Params, type StreamedFile } from './endpoint.ts';

export interface WireRequest {
  readonly method: Method;
  /** Path and query, starting with `/api2/json`. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer | StreamedFile | null;
  /** Requests of one lane share the limit of requests in flight. Each node has a lane, and so has the cluster. */
  readonly lane: string;
  /** Of the calls in a lane that is used for many; `undefined`: the lane is for calls of this kind alone. */
  readonly kind: string | undefined;
  /** It has connections of its own. */
  readonly isCheck: boolean;
}

const API = '/api2/json';
const CLUSTER_LANE = '';

const SECRET = /pass|secret|sshkeys|token|ticket|cicustom|command/i;

type Pair = readonly [name: string, value: string];

const pairsOf = (params: Params): Pair[] =>
  Object.entries(params).flatMap(([name, value]): Pair[] => {
    if (value === undefined) return [];
    if (typeof value === 'object') return value.map((item): Pair => [name, item.toWellFormed()]);
    if (typeof value === 'boolean') return [[name, value ? '1' : '0']];
    return [[name, String(value).toWellFormed()]];
  });

/** Everything but letters and digits is escaped: PVE also splits at `;`, and cuts a value at a bare `=`. */
const encodePairs = (pairs: readonly Pair[]): string =>
  pairs.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&');

/** The values of secret parameters, which must not appear in messages or logs. */
export const secretsIn = (params: Params): readonly string[] =>
  pairsOf(params).flatMap(([name, value]) => (SECRET.test(name) ? [value] : []));

/** The parameter that becomes the file name of the file part. */
const FILE_FIELD = 'filename';

interface Multipart {
  readonly type: string;
  readonly body: Buffer | StreamedFile;
}

/** PVE requires the length of the body in advance, and the file after all fields. */
function multipart(pairs: readonly Pair[], file: Uint8Array | StreamedFile): Multipart {
  const boundary = `virtrigaud-${randomUUID()}`;
  const part = (disposition: string, rest: string): string =>
    `--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n${rest}`;
  const fields = pairs.filter(([name]) => name !== FILE_FIELD);
  const filename = pairs.find(([name]) => name === FILE_FIELD)?.[1] ?? '';
  const texts = fields.map(([name, value]) => part(`name="${name}"`, `\r\n${value}\r\n`));
  const head = part(
    `name="${FILE_FIELD}"; filename="${filename}"`,
    'Content-Type: application/octet-stream\r\n\r\n',
  );
  const before = Buffer.from(texts.join('') + head);
  const after = Buffer.from(`\r\n--${boundary}--\r\n`);
  return {
    type: `multipart/form-data; boundary=${boundary}`,
    body: isStreamed(file) ? between(before, file, after) : Buffer.concat([before, file, after]),
  };
}

const between = (before: Buffer, { bytes, pieces }: StreamedFile, after: Buffer): StreamedFile => ({
  bytes: before.length + bytes + after.length,
  async *pieces() {
    yield before;
    yield* pieces();
    yield after;
  },
});

const PLACEHOLDER = /\{(\w+)\}/g;

/**
 * The path for messages. It omits UPIDs and volume names: they would make every message different, and a volume name
 * may be secret.
 */
export const shownPath = (path: string, params: Params): string =>
  path.replace(PLACEHOLDER, (whole, name: string) =>
    name === 'upid' || name === 'volume' ? whole : String(params[name] ?? whole),
  );

/** GET and DELETE carry parameters in the query, because PVE rejects a body there; POST and PUT carry a form. */
export function toRequest(
  endpoint: Endpoint,
  params: Params,
  file: Uint8Array | StreamedFile | undefined,
): WireRequest {
  const { method } = endpoint;
  const inPath = new Set<string>();
  const path = endpoint.path.replace(PLACEHOLDER, (_whole, name: string) => {
    inPath.add(name);
    return encodeURIComponent(String(params[name] ?? ''));
  });
  const pairs = pairsOf(params).filter(([name]) => !inPath.has(name));
  const owner = inPath.has('node') ? String(params['node']) : CLUSTER_LANE;
  const sharing = {
    lane: endpoint.lane === undefined ? owner : `${owner}/${endpoint.lane}`,
    kind: endpoint.lane === undefined ? `${method} ${endpoint.path}` : undefined,
    isCheck: endpoint.lane === 'checks',
  };
  const accept = { accept: 'application/json' };
  if (file) {
    const { type, body } = multipart(pairs, file);
    const length = Buffer.isBuffer(body) ? body.length : body.bytes;
    const headers = { ...accept, 'content-type': type, 'content-length': String(length) };
    return { method, ...sharing, target: API + path, headers, body };
  }
  const encoded = encodePairs(pairs);
  if (method === 'GET' || method === 'DELETE') {
    const query = encoded === '' ? '' : `?${encoded}`;
    return { method, ...sharing, target: API + path + query, headers: accept, body: null };
  }
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  return { method, ...sharing, target: API + path, headers: { ...accept, ...form }, body: encoded };
}
