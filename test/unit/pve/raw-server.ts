/** A bare HTTP server whose answers a test writes down to the status line: PVE gives its reasons in the reason phrase. */
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import {
  createTransport,
  type RequestAttempt,
  type Transport,
  type TransportOptions,
} from '../../../src/pve/index.ts';
import { millis } from '../../../src/lib/units.ts';

export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export type Respond = (request: Received, response: ServerResponse) => void;

/** Answers as PVE does: reason phrase, JSON, and a closed connection after a failure. */
export const answer =
  (status: number, reason: string, body: unknown = ''): Respond =>
  (_request, response) => {
    response.writeHead(status, reason, status >= 400 ? { connection: 'close' } : {});
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };

export const data = (value: unknown): Respond => answer(200, 'OK', { data: value });

export const reset: Respond = (_request, response) => void response.socket?.destroy();

export interface RawServer {
  readonly url: string;
  readonly port: number;
  readonly received: Received[];
  /** Answers in this order; the last one stays. */
  replies(...responds: Respond[]): void;
  close(): Promise<void>;
}

export interface Keys {
  readonly key: string;
  readonly cert: string;
}

/** @param at a port, to return where a server was before; any free one by default */
export async function rawServer(keys?: Keys, at = 0): Promise<RawServer> {
  const received: Received[] = [];
  let queue: Respond[] = [data(null)];
  const sockets = new Set<Socket>();
  const server: Server = keys ? createTlsServer(keys) : createServer();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('request', (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const seen = { method, url, headers, body: Buffer.concat(chunks).toString('latin1') };
      received.push(seen);
      const respond = queue.length > 1 ? queue.shift() : queue[0];
      respond?.(seen, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(at, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${keys ? 'https' : 'http'}://127.0.0.1:${port}`,
    port,
    received,
    replies: (...responds) => {
      queue = responds;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

export const TOKEN = { kind: 'token', id: 'operator@pve!k8s', secret: 'tok-secret-4711' } as const;

export interface Rig {
  readonly server: RawServer;
  readonly transport: Transport;
  readonly seen: RequestAttempt[];
  readonly pauses: number[];
}

/** A server and a transport to it, both closed after the test's body. Pauses between attempts are recorded, not made. */
export async function withServer(
  body: (rig: Rig) => Promise<void>,
  options: Partial<TransportOptions> = {},
): Promise<void> {
  const server = await rawServer();
  const seen: RequestAttempt[] = [];
  const pauses: number[] = [];
  const transport = createTransport({
    endpoint: server.url,
    credentials: TOKEN,
    onRequest: (request) => seen.push(request),
    random: () => 0.5,
    sleep: (duration) => {
      pauses.push(duration);
      return Promise.resolve();
    },
    ...options,
  });
  try {
    await body({ server, transport, seen, pauses });
  } finally {
    await transport.close(millis(0));
    await server.close();
  }
}
