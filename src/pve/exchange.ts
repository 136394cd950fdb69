/** One request and its answer over the connection pool. Knows whether the request was sent when something fails. */
import { Readable } from 'node:stream';
import { createSecureContext } from 'node:tls';
import { buildConnector, Pool, type Dispatcher } from 'undici';
import { z } from 'zod';
import type { Millis } from '../lib/units.ts';
import { MAX_ERROR_BYTES } from './budgets.ts';
import { FingerprintMismatch, normaliseFingerprint } from './fingerprint.ts';
import { certificatesIn, peerCertificateOf, type PeerCertificate } from './peer-certificate.ts';
import type { StreamedFile } from './endpoint.ts';
import type { WireRequest } from './request.ts';
import type { Room } from './room.ts';

export interface Answer {
  readonly status: number;
  /** The HTTP reason phrase, in which PVE puts its message. */
  readonly reason: string;
  readonly body: Buffer;
}

export const isSuccess = ({ status }: Pick<Answer, 'status'>): boolean => status >= 200 && status < 300;

/** No response, or only a part of one. */
export class ExchangeFailure extends Error {
  override readonly name = 'ExchangeFailure';
  readonly code: string;
  /** The request was passed to a connection, so PVE may have seen it. */
  readonly sent: boolean;
  /** The failures by endpoint, in order, if several were tried. */
  readonly tried: readonly TriedEndpoint[];
  constructor(code: string, sent: boolean, cause: unknown, tried: readonly TriedEndpoint[] = []) {
    super(code, { cause });
    this.code = code;
    this.sent = sent;
    this.tried = tried;
  }
}

export interface TriedEndpoint {
  readonly origin: string;
  readonly failure: ExchangeFailure;
}

export interface Tls {
  /** PEM; replaces the system's CAs. */
  readonly ca?: string | undefined;
  readonly insecureSkipVerify?: boolean | undefined;
  /** SHA-256. If set, they alone decide: CAs and host names are not checked. */
  readonly fingerprints?: readonly string[] | undefined;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** PVE closes idle connections after 5 s. The client closes them earlier, so that no request uses a closing one. */
const KEEP_ALIVE_MS = 4000;
const MAX_CONNECTIONS = 64;

/** The answer is larger than it may be. */
export const TOO_LARGE = 'UND_ERR_RES_EXCEEDED_MAX_SIZE';
/** The server announces an answer again and again. */
export const ONLY_INTERIM = 'onlyInterim';
const MAX_INTERIM = 8;
/** The answers that are being read are larger than they may be together. */
export const NO_ROOM = 'noRoom';

/** Opens connections; one whose certificate is none of those pinned is closed before anything is sent on it. */
function connector(tls: Tls, onCertificate: (shown: PeerCertificate) => void): buildConnector.connector {
  const { ca, fingerprints = [], insecureSkipVerify } = tls;
  const pinned = fingerprints.length > 0 ? new Set(fingerprints.map(normaliseFingerprint)) : undefined;
  const authorities = certificatesIn(ca);
  const connect = buildConnector({
    timeout: CONNECT_TIMEOUT_MS,
    allowH2: false, // HTTP/2 has no reason phrase
    ...(pinned
      ? {
          rejectUnauthorized: false,
          maxCachedSessions: 0, // a resumed session need not show the certificate again
        }
      : {
          rejectUnauthorized: insecureSkipVerify !== true,
          // Parsed once, not for every connection.
          ...(ca !== undefined && { secureContext: createSecureContext({ ca }) }),
        }),
  });
  return (target, callback) => {
    connect(target, (...connected) => {
      const [error, socket] = connected;
      if (error !== null) {
        callback(error, null);
        return;
      }
      const found = peerCertificateOf(socket, pinned ? [] : authorities);
      if (pinned && !(found && pinned.has(found.leaf))) {
        socket.destroy();
        callback(new FingerprintMismatch(found?.leaf), null);
        return;
      }
      if (found) onCertificate(found);
      callback(null, socket);
    });
  };
}

/** @param onCertificate called with the certificate that the server shows on a new connection */
export const createPool = (
  origin: string,
  tls: Tls,
  onCertificate: (shown: PeerCertificate) => void = () => undefined,
): Pool =>
  new Pool(origin, {
    connections: MAX_CONNECTIONS,
    pipelining: 1,
    allowH2: false,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    headersTimeout: 0, // each call has its own deadline
    bodyTimeout: 0,
    connect: connector(tls, onCertificate),
  });

/** Waits at most `grace` for requests in flight, then closes the connections. */
export async function closePool(pool: Pool, grace: Millis): Promise<void> {
  // `close` does not settle where requests still waited for a connection when it was destroyed (undici, PoolBase).
  const { promise: destroyed, resolve } = Promise.withResolvers<undefined>();
  const cut = (): void => resolve(undefined);
  const timer = setTimeout(() => void pool.destroy().then(cut, cut), grace);
  try {
    await Promise.race([pool.close(), destroyed]);
  } finally {
    clearTimeout(timer);
  }
}

const Coded = z.object({ code: z.string() });

const codeOf = (error: unknown): string => Coded.safeParse(error).data?.code ?? 'unknown';

export interface ExchangeOptions {
  /** Ends the exchange with the code `timeout`; of a body that is streamed, for each of its pieces and for the answer. */
  readonly deadline: Millis;
  /** The caller wants it to end; heeded until the request is sent, and later only if it is harmless. */
  readonly signal: AbortSignal | undefined;
  readonly harmless: boolean;
  /** How large a successful answer may be. */
  readonly maxBytes: number;
  /** Counts the body among those of other answers, until the caller releases it. */
  readonly room: Room;
}

const isStream = (body: WireRequest['body']): body is StreamedFile =>
  typeof body === 'object' && body !== null && 'pieces' in body;

async function* piecesOf({ pieces }: StreamedFile, onPiece: () => void): AsyncGenerator<Uint8Array, void> {
  for await (const piece of pieces()) {
    onPiece();
    yield piece;
  }
}

/** How much is read in advance of what the connection takes. */
const READ_AHEAD = 256 * 1024;

function streamOf(file: StreamedFile, onPiece: () => void): Readable {
  const stream = Readable.from(piecesOf(file, onPiece), { objectMode: false, highWaterMark: READ_AHEAD });
  // Whoever sends it learns of a failure; one that comes after the answer is of no interest.
  return stream.on('error', () => undefined);
}

/**
 * @throws ExchangeFailure if there is no complete response
 * @throws the signal's reason if the signal ended the exchange
 */
export function exchange(pool: Dispatcher, request: WireRequest, options: ExchangeOptions): Promise<Answer> {
  const { deadline, signal, harmless, maxBytes, room } = options;
  return new Promise((resolve, reject) => {
    let sent = false;
    let ended = false;
    let controller: Dispatcher.DispatchController | undefined;
    let status = 0;
    let reason = '';
    let size = 0;
    let interim = 0;
    const chunks: Buffer[] = [];

    const end = (): boolean => {
      if (ended) return false;
      ended = true;
      room.onTakenAway = undefined;
      clearTimeout(timer);
      signal?.removeEventListener('abort', onCancel);
      return true;
    };
    const forget = (): void => {
      room.give(size);
      chunks.length = 0;
    };
    const fail = (code: string, cause: unknown): void => {
      if (!end()) return;
      forget();
      reject(new ExchangeFailure(code, sent, cause));
    };
    const drop = (why: string): void => controller?.abort(new Error(why));
    const timer = setTimeout(() => {
      fail('timeout', undefined);
      drop('deadline');
    }, deadline);
    const onCancel = (): void => {
      if ((sent && !harmless) || !end()) return;
      forget();
      const why: unknown = signal?.reason;
      reject(why instanceof Error ? why : new Error('The call was cancelled.', { cause: why }));
      drop('cancelled');
    };
    const succeed = (): void => {
      if (end()) resolve({ status, reason, body: Buffer.concat(chunks) });
    };
    const refuse = (code: string): void => {
      fail(code, undefined);
      drop(code);
    };
    const accept = (chunk: Buffer): void => {
      if (ended) return;
      const isError = !isSuccess({ status });
      if (!isError && size + chunk.length > maxBytes) refuse(TOO_LARGE);
      else if ((!isError || size + chunk.length <= MAX_ERROR_BYTES) && room.take(chunk.length)) {
        size += chunk.length;
        chunks.push(chunk);
      } else if (isError) {
        succeed(); // a message is at the beginning, if there is one
        drop('enough');
      } else refuse(NO_ROOM);
    };

    room.onTakenAway = () => refuse(NO_ROOM);
    signal?.addEventListener('abort', onCancel, { once: true });
    const { method, target, headers } = request;
    const body = isStream(request.body) ? streamOf(request.body, () => timer.refresh()) : request.body;
    try {
      pool.dispatch(
        { method, path: target, headers, body },
        {
          onRequestStart(started) {
            controller = started;
            if (ended) drop('the caller no longer waits');
            else sent = true;
          },
          onResponseStart(_controller, code, responseHeaders, text) {
            if (code < 200 && ++interim > MAX_INTERIM) refuse(ONLY_INTERIM);
            status = code;
            reason = text ?? '';
            if (isSuccess({ status }) && Number(responseHeaders['content-length'] ?? 0) > maxBytes)
              refuse(TOO_LARGE);
          },
          onResponseData: (_controller, chunk) => accept(chunk),
          onResponseEnd: succeed,
          onResponseError: (_controller, error) => fail(codeOf(error), error),
        },
      );
    } catch (error) {
      fail(codeOf(error), error);
    }
  });
}
