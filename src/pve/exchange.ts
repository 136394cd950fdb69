/** Sends one request over the connection pool and reads its response. A failure says whether the request was sent. */
import { createSecureContext, TLSSocket } from 'node:tls';
import { buildConnector, Pool, type Dispatcher } from 'undici';
import { z } from 'zod';
import type { Millis } from '../lib/units.ts';
import { FingerprintMismatch, normaliseFingerprint } from './fingerprint.ts';
import type { WireRequest } from './request.ts';

export interface Answer {
  readonly status: number;
  /** The HTTP reason phrase, in which PVE puts its message. */
  readonly reason: string;
  readonly body: string;
}

/** No response, or only a part of one. */
export class ExchangeFailure extends Error {
  override readonly name = 'ExchangeFailure';
  readonly code: string;
  /** The request was passed to a connection, so that PVE may have received it. */
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
/** A list of ten thousand guests is a few MiB. */
const MAX_RESPONSE_BYTES = 64 * 1024 ** 2;

/** Passes a connection on only after its certificate matched one of the fingerprints; nothing is sent before. */
function pinned(fingerprints: readonly string[]): buildConnector.connector {
  const wanted = new Set(fingerprints.map(normaliseFingerprint));
  const connect = buildConnector({
    timeout: CONNECT_TIMEOUT_MS,
    allowH2: false,
    rejectUnauthorized: false,
    maxCachedSessions: 0, // a resumed session does not present the certificate
  });
  return (target, callback) => {
    connect(target, (...connected) => {
      const [error, socket] = connected;
      if (error !== null) {
        callback(error, null);
        return;
      }
      const found = socket instanceof TLSSocket ? socket.getPeerX509Certificate()?.fingerprint256 : undefined;
      if (found !== undefined && wanted.has(found)) {
        callback(null, socket);
        return;
      }
      socket.destroy();
      callback(new FingerprintMismatch(found), null);
    });
  };
}

export const createPool = (origin: string, tls: Tls): Pool =>
  new Pool(origin, {
    connections: MAX_CONNECTIONS,
    pipelining: 1,
    allowH2: false, // HTTP/2 has no reason phrase
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    headersTimeout: 0, // each call has its own deadline
    bodyTimeout: 0,
    connect:
      tls.fingerprints && tls.fingerprints.length > 0
        ? pinned(tls.fingerprints)
        : {
            timeout: CONNECT_TIMEOUT_MS,
            rejectUnauthorized: tls.insecureSkipVerify !== true,
            // Parsed once, not for every connection.
            ...(tls.ca !== undefined && { secureContext: createSecureContext({ ca: tls.ca }) }),
          },
  });

/** Waits at most `grace` for requests in flight, then closes the connections. */
export async function closePool(pool: Pool, grace: Millis): Promise<void> {
  const timer = setTimeout(() => void pool.destroy(), grace);
  try {
    await pool.close();
  } finally {
    clearTimeout(timer);
  }
}

const Coded = z.object({ code: z.string() });

const codeOf = (error: unknown): string => Coded.safeParse(error).data?.code ?? 'unknown';

export interface ExchangeOptions {
  /** Ends the exchange with the code `timeout`. */
  readonly deadline: Millis;
  /** Cancels the exchange. Ignored after the request was sent, unless the request is harmless. */
  readonly signal: AbortSignal | undefined;
  readonly harmless: boolean;
}

/**
 * @throws ExchangeFailure if there is no complete response
 * @throws the signal's reason if the signal ended the exchange
 */
export function exchange(pool: Dispatcher, request: WireRequest, options: ExchangeOptions): Promise<Answer> {
  const { deadline, signal, harmless } = options;
  return new Promise((resolve, reject) => {
    let sent = false;
    let ended = false;
    let controller: Dispatcher.DispatchController | undefined;
    let status = 0;
    let reason = '';
    let size = 0;
    const chunks: Buffer[] = [];

    const end = (): boolean => {
      if (ended) return false;
      ended = true;
      clearTimeout(timer);
      signal?.removeEventListener('abort', onCancel);
      return true;
    };
    const fail = (code: string, cause: unknown): void => {
      if (!end()) return;
      reject(new ExchangeFailure(code, sent, cause));
    };
    const drop = (why: string): void => controller?.abort(new Error(why));
    const timer = setTimeout(() => {
      fail('timeout', undefined);
      drop('deadline');
    }, deadline);
    const onCancel = (): void => {
      if ((sent && !harmless) || !end()) return;
      const why: unknown = signal?.reason;
      reject(why instanceof Error ? why : new Error('The call was cancelled.', { cause: why }));
      drop('cancelled');
    };

    signal?.addEventListener('abort', onCancel, { once: true });
    const { method, target, headers, body } = request;
    try {
      pool.dispatch(
        { method, path: target, headers, body },
        {
          onRequestStart(started) {
            controller = started;
            if (ended) drop('the caller no longer waits');
            else sent = true;
          },
          onResponseStart(_controller, code, _headers, text) {
            status = code;
            reason = text ?? '';
          },
          onResponseData(_controller, chunk) {
            size += chunk.length;
            if (size <= MAX_RESPONSE_BYTES) chunks.push(chunk);
            else {
              fail('UND_ERR_RES_EXCEEDED_MAX_SIZE', undefined);
              drop('response too large');
            }
          },
          onResponseEnd() {
            if (end()) resolve({ status, reason, body: Buffer.concat(chunks).toString('utf8') });
          },
          onResponseError: (_controller, error) => fail(codeOf(error), error),
        },
      );
    } catch (error) {
      fail(codeOf(error), error);
    }
  });
}
