/** /metrics for Prometheus, /healthz and /readyz for the kubelet: on one address or on two. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';

export interface Address {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

export interface TelemetryServerOptions {
  /** Absent: metrics are not served. */
  readonly metrics: Address | undefined;
  /** Absent: where the metrics are. */
  readonly probes?: Address | undefined;
  /** Reads what a request for the metrics has to present as its bearer token. Absent: anyone may read them. */
  readonly token?: (() => Promise<string>) | undefined;
  readonly registry: Pick<Registry, 'metrics' | 'contentType'>;
  readonly alive: () => boolean;
  readonly ready: () => boolean;
}

export interface TelemetryServer {
  readonly ports: { readonly metrics: number | undefined; readonly probes: number | undefined };
  close(): Promise<void>;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;
type Routes = Readonly<Record<string, Handler>>;

/** Resolves once the ports are open; rejects when one cannot be opened. */
export async function serveTelemetry(options: TelemetryServerOptions): Promise<TelemetryServer> {
  const probes: Routes = {
    '/healthz': (_request, response) => probe(response, options.alive()),
    '/readyz': (_request, response) => probe(response, options.ready()),
  };
  const metrics: Routes = { '/metrics': (request, response) => void answer(request, response, options) };
  if (options.probes === undefined) {
    const one = options.metrics && (await open(options.metrics, { ...probes, ...metrics }));
    return serverOf(one, one);
  }
  const first = await open(options.probes, probes);
  try {
    return serverOf(options.metrics && (await open(options.metrics, metrics)), first);
  } catch (error) {
    await shut(first);
    throw error;
  }
}

const serverOf = (metrics: Server | undefined, probes: Server | undefined): TelemetryServer => ({
  ports: { metrics: portOf(metrics), probes: portOf(probes) },
  async close() {
    const servers = new Set([metrics, probes].filter((server) => server !== undefined));
    await Promise.all([...servers].map(shut));
  },
});

async function open({ host, port }: Address, routes: Routes): Promise<Server> {
  const handlers = new Map([
    ['/', (_request: IncomingMessage, response: ServerResponse) => listLinks(response, Object.keys(routes))],
    ...Object.entries(routes),
  ]);
  const server = createServer((request, response) => {
    const handler = handlers.get(request.url?.split('?')[0] ?? '');
    if (handler) handler(request, response);
    else response.writeHead(404).end();
  });
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    throw new Error(
      `Metrics and probes cannot be served at ${host}:${port} (${said}). Choose another address with --metrics-bind-address and --health-probe-bind-address.`,
      { cause: error },
    );
  }
  return server;
}

const listLinks = (response: ServerResponse, paths: readonly string[]): void => {
  const links = paths.map((path) => `<li><a href="${path}">${path}</a></li>`).join('');
  response
    .writeHead(200, { 'content-type': 'text/html' })
    .end(`<!doctype html><title>virtrigaud-proxmox</title><ul>${links}</ul>\n`);
};

async function shut(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
}

function portOf(server: Server | undefined): number | undefined {
  const address = server?.address();
  return typeof address === 'object' && address ? address.port : undefined;
}

function probe(response: ServerResponse, passed: boolean): void {
  response.writeHead(passed ? 200 : 503, { 'content-type': 'text/plain' }).end(passed ? 'ok\n' : 'not yet\n');
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { registry, token }: Pick<TelemetryServerOptions, 'registry' | 'token'>,
): Promise<void> {
  try {
    if (token && !presents(request, await token())) {
      response.writeHead(401, { 'www-authenticate': 'Bearer' }).end();
      return;
    }
    const text = await registry.metrics();
    response.writeHead(200, { 'content-type': registry.contentType }).end(text);
  } catch {
    response.writeHead(500).end();
  }
}

/** Digests have one length, so the comparison takes the same time for every token. */
const presents = ({ headers: { authorization = '' } }: IncomingMessage, token: string): boolean =>
  token !== '' && timingSafeEqual(sha256(authorization), sha256(`Bearer ${token}`));

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();
