import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { serveTelemetry, type TelemetryServer } from '../../../src/telemetry/server.ts';

let server: TelemetryServer;
let alive = true;
let ready = false;

beforeEach(async () => {
  server = await serveTelemetry({
    host: '127.0.0.1',
    port: 0,
    registry: createMetrics({ version: '1', commit: 'c' }).registry,
    alive: () => alive,
    ready: () => ready,
  });
});
afterEach(() => server.close());

const status = async (path: string) => (await fetch(`http://127.0.0.1:${server.port}${path}`)).status;

test('answers probes as things are at that moment', async () => {
  expect([await status('/healthz'), await status('/readyz')]).toEqual([200, 503]);
  [alive, ready] = [false, true];
  expect([await status('/healthz'), await status('/readyz?verbose')]).toEqual([503, 200]);
});

test('serves the metrics and nothing else', async () => {
  const response = await fetch(`http://127.0.0.1:${server.port}/metrics`);
  expect(response.headers.get('content-type')).toContain('text/plain');
  expect(await response.text()).toContain('virtrigaud_build_info');
  expect(await status('/')).toBe(404);
});

test('says when its port is taken', async () => {
  const again = serveTelemetry({
    host: '127.0.0.1',
    port: server.port,
    registry: createMetrics({ version: '1', commit: 'c' }).registry,
    alive: () => true,
    ready: () => true,
  });
  await expect(again).rejects.toThrow('EADDRINUSE');
});
