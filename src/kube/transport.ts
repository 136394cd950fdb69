/** Requests to the API server: signed, bounded in time, and refused in the API's own words. */
import { request, type Dispatcher } from 'undici';
import { z } from 'zod';
import { seconds, type Millis } from '../lib/units.ts';
import type { Clock } from '../runtime/clock.ts';
import { withDeadline } from '../runtime/deadline.ts';
import { KubeError } from './errors.ts';
import type { Connection, Lane } from './connection.ts';

export interface KubeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly contentType?: string;
  /** The form of the answer; absent: JSON. */
  readonly accept?: string;
  readonly signal?: AbortSignal | undefined;
  readonly limit?: Millis;
}

export interface Transport {
  /** The body of a success, as JSON. Rejects with a `KubeError`. */
  readonly send: (request: KubeRequest) => Promise<unknown>;
  /** The lines of an endless answer, until the server or the signal ends it. */
  readonly lines: (request: KubeRequest) => Promise<AsyncIterable<string>>;
}

const DEADLINE = seconds(30);
/** The API server has begun to answer a watch long before. */
const FIRST_BYTE = seconds(30);

export function transport(connection: Connection, clock: Clock, lane: Lane = 'shared'): Transport {
  async function dispatch(
    req: KubeRequest,
    signal: AbortSignal,
    on: Lane = lane,
  ): Promise<Dispatcher.ResponseData> {
    const { headers, dispatcher } = await connection.sign(on);
    const url = new URL(connection.server.replace(/\/$/, '') + req.path);
    for (const [name, value] of Object.entries(req.query ?? {})) url.searchParams.set(name, value);
    return request(url, {
      method: req.method,
      dispatcher,
      signal,
      headers: {
        ...headers,
        accept: req.accept ?? 'application/json',
        'user-agent': 'virtrigaud-proxmox',
        ...(req.body !== undefined && { 'content-type': req.contentType ?? 'application/json' }),
      },
      ...(req.body !== undefined && { body: JSON.stringify(req.body) }),
    });
  }

  async function once(req: KubeRequest): Promise<unknown> {
    const bound = { clock, limit: req.limit ?? DEADLINE, signal: req.signal, overdue: 'no answer in time' };
    return withDeadline(bound, async (signal) => {
      const response = await dispatch(req, signal);
      const text = await response.body.text();
      if (response.statusCode >= 300) throw refusal(req, response, text);
      const body: unknown = text === '' ? undefined : JSON.parse(text);
      return body;
    });
  }

  return {
    async send(req) {
      try {
        return await once(req);
      } catch (error) {
        // A kept connection may have been closed while we wrote to it. Only a read may simply be asked again.
        if (req.method !== 'GET' || !isBrokenConnection(error)) throw unreachable(req, error);
      }
      try {
        return await once(req);
      } catch (error) {
        throw unreachable(req, error);
      }
    },
    async lines(req) {
      const opening = { clock, limit: FIRST_BYTE, overdue: 'no answer in time' };
      const ending = new AbortController();
      const end = (): void => ending.abort(req.signal?.reason);
      if (req.signal?.aborted) end();
      req.signal?.addEventListener('abort', end, { once: true });
      try {
        const response = await withDeadline(opening, () => dispatch(req, ending.signal, 'watch'));
        if (response.statusCode >= 300) throw refusal(req, response, await response.body.text());
        return linesOf(req, response.body);
      } catch (error) {
        ending.abort();
        throw unreachable(req, error);
      }
    },
  };
}

async function* linesOf(req: KubeRequest, body: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for await (const chunk of body) {
      rest += decoder.decode(chunk, { stream: true });
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      yield* lines.filter((line) => line !== '');
    }
  } catch (error) {
    throw unreachable(req, error);
  }
}

const Failure = z.object({ reason: z.string().default('Unknown'), message: z.string() });

function refusal(req: KubeRequest, response: Dispatcher.ResponseData, text: string): KubeError {
  const { statusCode: status, headers } = response;
  const failure = Failure.safeParse(parseJson(text));
  const retryAfter = Number(headers['retry-after']);
  return new KubeError({
    status,
    reason: failure.data?.reason ?? `Http${status}`,
    message: failure.data?.message ?? `${req.method} ${req.path} was answered with status ${status}`,
    retryAfterSeconds: Number.isFinite(retryAfter) ? retryAfter : undefined,
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unreachable(req: KubeRequest, error: unknown): KubeError {
  if (error instanceof KubeError) return error;
  const cause = error instanceof Error ? error.message : String(error);
  return new KubeError(
    { status: 0, reason: 'Unreachable', message: `${req.method} ${req.path}: ${cause}` },
    { cause: error },
  );
}

const Coded = z.object({ code: z.string() });

const isBrokenConnection = (error: unknown): boolean => {
  const { data } = Coded.safeParse(error);
  return data !== undefined && ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'].includes(data.code);
};
