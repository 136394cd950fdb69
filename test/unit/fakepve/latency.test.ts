import { describe, expect, test } from '@jest/globals';
import { ManualClock } from '../../fakepve/index.ts';
import { readLatency, requestDelay } from '../../fakepve/latency.ts';
import { withFake } from './client.ts';

const CONFIG = '/nodes/{node}/qemu/{vmid}/config';

describe('the latency of requests', () => {
  const latency = readLatency({
    request: 1,
    endpoints: { [CONFIG]: 20, [`POST ${CONFIG}`]: 300, '/version': 0 },
  });

  test.each([
    [`GET ${CONFIG}`, 20],
    [`POST ${CONFIG}`, 300],
    ['GET /version', 0],
    ['GET /nodes', 1],
    [undefined, 1],
  ])('is that of the method and path, of the path, or of all: %s', (key, ms) => {
    expect(requestDelay(latency, key)).toBe(ms);
  });

  test('is refused for paths that are not served', () => {
    expect(() => readLatency({ endpoints: { '/nodes/pve-1/status': 5 } })).toThrow('is not served');
  });

  test('lets the requests of one endpoint wait and not those of others', async () => {
    const clock = new ManualClock();
    const options = { clock, latency: { scale: 1, endpoints: { 'GET /cluster/resources': 60_000 } } };
    await withFake(options, async (client) => {
      await client.list('/nodes');
      const start = clock.now();
      const request = { open: true };
      const waited = client.list('/cluster/resources').then(() => {
        request.open = false;
        return clock.now() - start;
      });
      while (request.open) await clock.advance(1000);
      expect(await waited).toBeGreaterThanOrEqual(60_000);
    });
  });
});
