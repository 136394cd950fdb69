import { afterEach, describe, expect, test } from '@jest/globals';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import {
  serveTelemetry,
  type TelemetryServer,
  type TelemetryServerOptions,
} from '../../../src/telemetry/server.ts';

const ANY_PORT = { host: '127.0.0.1', port: 0 };
const { registry } = createMetrics({ version: '1', commit: 'c' });
const servers: TelemetryServer[] = [];

async function serve(options: Partial<TelemetryServerOptions> = {}): Promise<TelemetryServer> {
  const server = await serveTelemetry({
    metrics: ANY_PORT,
    registry,
    alive: () => true,
    ready: () => true,
    ...options,
  });
  servers.push(server);
  return server;
}
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));

const ask = (port: number | undefined, path: string, headers: Record<string, string> = {}) =>
  fetch(`http://127.0.0.1:${port}${path}`, { headers });
const statusOf = async (...of: Parameters<typeof ask>) => (await ask(...of)).status;

test('answers probes as things are at that moment', async () => {
  let [alive, ready] = [true, false];
  const { ports } = await serve({ alive: () => alive, ready: () => ready });
  expect([await statusOf(ports.probes, '/healthz'), await statusOf(ports.probes, '/readyz')]).toEqual([
    200, 503,
  ]);
  [alive, ready] = [false, true];
  expect([await statusOf(ports.probes, '/healthz'), await statusOf(ports.probes, '/readyz?verbose')]).toEqual(
    [503, 200],
  );
});

test('serves the metrics and nothing else', async () => {
  const { ports } = await serve();
  const response = await ask(ports.metrics, '/metrics');
  expect(response.headers.get('content-type')).toContain('text/plain');
  expect(await response.text()).toContain('virtrigaud_build_info');
  for (const path of ['/metric', '/constructor']) expect(await statusOf(ports.metrics, path)).toBe(404);
});

test('links to what an address serves', async () => {
  const linksOf = async (port: number | undefined) =>
    [...(await (await ask(port, '/')).text()).matchAll(/href="([^"]*)"/g)].map(([, path]) => path);
  const together = await serve();
  expect(await linksOf(together.ports.metrics)).toEqual(['/healthz', '/readyz', '/metrics']);
  const apart = await serve({ probes: ANY_PORT });
  expect(await linksOf(apart.ports.metrics)).toEqual(['/metrics']);
});

test('says when a port is taken, and leaves none open', async () => {
  const { ports } = await serve();
  const taken = { host: '127.0.0.1', port: ports.metrics! };
  await expect(serve({ metrics: taken })).rejects.toThrow(/EADDRINUSE.*another address/);
  await expect(serve({ metrics: taken, probes: ANY_PORT })).rejects.toThrow('EADDRINUSE');
});

describe('the metrics', () => {
  test('have an address of their own where the probes have another', async () => {
    const { ports } = await serve({ probes: ANY_PORT });
    expect(ports.metrics).not.toBe(ports.probes);
    expect([await statusOf(ports.probes, '/healthz'), await statusOf(ports.probes, '/metrics')]).toEqual([
      200, 404,
    ]);
    expect([await statusOf(ports.metrics, '/healthz'), await statusOf(ports.metrics, '/metrics')]).toEqual([
      404, 200,
    ]);
  });

  test('are served nowhere if they have no address', async () => {
    const { ports } = await serve({ metrics: undefined, probes: ANY_PORT });
    expect(ports.metrics).toBeUndefined();
    expect([await statusOf(ports.probes, '/readyz'), await statusOf(ports.probes, '/metrics')]).toEqual([
      200, 404,
    ]);
  });

  test('are read with the token as it is now, and not without it; probes need none', async () => {
    let token = 'one';
    const { ports } = await serve({ token: () => Promise.resolve(token) });
    const withToken = (text: string) => statusOf(ports.metrics, '/metrics', { authorization: text });
    expect(await statusOf(ports.metrics, '/metrics')).toBe(401);
    expect(await withToken('Bearer one')).toBe(200);
    for (const other of ['Bearer two', 'Bearer on', 'Bearer ', 'one', 'Basic one'])
      expect(await withToken(other)).toBe(401);
    token = 'two';
    expect([await withToken('Bearer one'), await withToken('Bearer two')]).toEqual([401, 200]);
    expect(await statusOf(ports.probes, '/healthz')).toBe(200);
  });

  test('are not read by anyone while the token cannot be read or is empty', async () => {
    const unreadable = await serve({ token: () => Promise.reject(new Error('ENOENT')) });
    expect(await statusOf(unreadable.ports.metrics, '/metrics', { authorization: 'Bearer ' })).toBe(500);
    const empty = await serve({ token: () => Promise.resolve('') });
    expect(await statusOf(empty.ports.metrics, '/metrics', { authorization: 'Bearer ' })).toBe(401);
  });
});
