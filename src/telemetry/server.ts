/** /metrics for Prometheus, /healthz and /readyz for the kubelet. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';

export interface TelemetryServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly registry: Pick<Registry, 'metrics' | 'contentType'>;
  readonly alive: () => boolean;
  readonly ready: () => boolean;
}

export interface TelemetryServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Resolves once the port is open; rejects when it cannot be opened. */
export async function serveTelemetry(options: TelemetryServerOptions): Promise<TelemetryServer> {
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0];
    if (path === '/healthz') probe(response, options.alive());
    else if (path === '/readyz') probe(response, options.ready());
    else if (path === '/metrics') void metrics(response, options.registry);
    else response.writeHead(404).end();
  });
  server.listen(options.port, options.host);
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : options.port,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function probe(response: ServerResponse, passed: boolean): void {
  response.writeHead(passed ? 200 : 503, { 'content-type': 'text/plain' }).end(passed ? 'ok\n' : 'not yet\n');
}

async function metrics(
  response: ServerResponse,
  registry: TelemetryServerOptions['registry'],
): Promise<void> {
  try {
    const text = await registry.metrics();
    response.writeHead(200, { 'content-type': registry.contentType }).end(text);
  } catch {
    response.writeHead(500).end();
  }
}
