import { createServer } from 'node:https';
import { administer, readJson } from './admin.ts';
import { readAll } from './body.ts';
import { answer, errorReply } from './exchange.ts';
import { requestDelay } from './latency.ts';
import { redirectPlainHttp } from './plain-http.ts';
import { route } from './router.ts';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from 'node:https';
import type { Admin } from './admin.ts';
import type { ServerCertificate } from './certificate.ts';
import type { Exchange, Reply } from './exchange.ts';
import type { RequestFault } from './fault-rules.ts';
import type { RequestLog } from './request-log.ts';

const JSON_TYPE = 'application/json;charset=UTF-8';

interface Parts {
  readonly path: string;
  readonly query: string;
  readonly isApi: boolean;
}

function split(url: string): Parts {
  const [whole = '', ...query] = url.split('?');
  const isApi = whole.startsWith('/api2/json');
  const path = isApi ? whole.slice('/api2/json'.length) : whole;
  return { path: path === '' ? '/' : path, query: query.join('?'), isApi };
}

function send(response: ServerResponse, { status, reason, body }: Reply, time: number): void {
  const headers: Record<string, string | number> = {
    'cache-control': 'max-age=0',
    date: new Date(time).toUTCString(),
    server: 'pve-api-daemon/3.0',
    pragma: 'no-cache',
    'content-type': JSON_TYPE,
    'content-length': Buffer.byteLength(body),
  };
  // PVE closes the connection after every refusal.
  if (status >= 400) headers['connection'] = 'close';
  response.writeHead(status, reason, headers).end(body);
}

/** The reply after applying faults; undefined means that the connection is closed. */
function applyFaults(reply: Reply, faults: readonly RequestFault[]): Reply | undefined {
  for (const fault of faults) {
    if (fault.kind === 'reset-after-effect') return undefined;
    if (fault.kind === 'empty') return { status: 200, reason: 'OK', body: '' };
    if (fault.kind === 'status-after-effect') return { status: fault.code, reason: fault.reason, body: '' };
  }
  return reply;
}

function refusal(faults: readonly RequestFault[]): Reply | undefined {
  for (const fault of faults) {
    if (fault.kind !== 'status') continue;
    const message = fault.message ?? (fault.code >= 590 ? undefined : `${fault.reason}\n`);
    const body = message === undefined ? '' : JSON.stringify({ data: null, message });
    return { status: fault.code, reason: fault.reason, body };
  }
  return undefined;
}

export interface Service {
  readonly admin: Admin;
  readonly log: RequestLog;
  readonly certificate: ServerCertificate;
}

async function serveApi(
  { admin, log }: Service,
  request: IncomingMessage,
  parts: Parts,
): Promise<Reply | undefined> {
  const world = admin.world();
  const method = request.method ?? 'GET';
  const at = world.clock.now();
  const faults = world.faults.apply(method, parts.path);
  const { path, query } = parts;
  const found = route(method, path);
  const pve = world.release(found?.pathParams['node']);
  const exchange: Exchange = { world, request, method, path, query, found, faults, sent: undefined };
  const delay = faults.reduce(
    (sum, fault) => sum + (fault.kind === 'delay' ? fault.ms : 0),
    world.wait(requestDelay(world.latency, found?.key)),
  );
  if (delay > 0) await world.clock.sleep(delay);
  if (faults.some((fault) => fault.kind === 'reset-before')) {
    log.add({ method, path, params: {}, pve, status: 0, at }, 'unread');
    return undefined;
  }
  const refused = refusal(faults);
  const reply = refused ?? (await answer(exchange));
  const entry = { method, path, params: exchange.sent ?? {}, pve, status: reply.status, at };
  // A client that was killed during a request never sent the rest of it.
  const cut = request.destroyed && !request.complete;
  log.add(entry, exchange.sent === undefined || cut ? 'unread' : 'read');
  return applyFaults(reply, faults);
}

async function serveAdmin({ admin }: Service, request: IncomingMessage, { path }: Parts): Promise<Reply> {
  try {
    const body = readJson((await readAll(request)).toString('utf8'));
    const data = await administer(admin, request.method ?? 'GET', path, body);
    return { status: 200, reason: 'OK', body: JSON.stringify({ data }) };
  } catch (error) {
    return errorReply(error);
  }
}

async function serve(service: Service, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const parts = split(request.url ?? '/');
  const reply = parts.path.startsWith('/fakepve/')
    ? await serveAdmin(service, request, parts)
    : await serveApi(service, request, parts);
  if (reply) send(response, reply, service.admin.world().timeOn());
  else request.socket.destroy();
}

/** The HTTPS server; it does not listen yet. */
export function makeServer(service: Service): Server {
  const { key, cert } = service.certificate;
  const server = createServer({ key, cert }, (request, response) => {
    serve(service, request, response).catch((error: unknown) =>
      send(response, errorReply(error), service.admin.world().timeOn()),
    );
  });
  // PVE closes an idle connection after five seconds.
  server.keepAliveTimeout = 5000;
  redirectPlainHttp(server);
  return server;
}
