import { describe, expect, test } from '@jest/globals';
import { withFake } from './client.ts';
import type { ClusterInput, FaultInput } from '../../fakepve/index.ts';

const cluster: ClusterInput = {
  nodes: [{ name: 'pve1' }],
  storages: [{ id: 'dir', type: 'dir', content: ['images'], size: '10G' }],
  guests: [{ vmid: 100, node: 'pve1', config: { scsi0: 'dir:1' } }],
};
const CLONE = '/nodes/pve1/qemu/100/clone';
const START = '/nodes/pve1/qemu/100/status/start';

describe('faults', () => {
  test('strike the requests that they name, as often as they say', () =>
    withFake({ cluster }, async (client, fake) => {
      fake.faults.add({
        kind: 'status',
        code: 503,
        reason: 'busy',
        method: 'GET',
        path: '^/version$',
        after: 1,
        times: 1,
      });
      const answers = [];
      for (let i = 0; i < 3; i += 1) answers.push((await client.send('GET', '/version')).status);
      expect(answers).toEqual([200, 503, 200]);
      expect((await client.send('GET', '/nodes')).status).toBe(200);
    }));

  test.each<[FaultInput, boolean]>([
    [{ kind: 'reset-before', path: 'clone' }, false],
    [{ kind: 'reset-after-effect', path: 'clone' }, true],
  ])('cut the connection: %j', (fault, done) =>
    withFake({ cluster }, async (client, fake) => {
      fake.faults.add(fault);
      await expect(client.send('POST', CLONE, { newid: 101 })).rejects.toThrow();
      expect(fake.state.guests.has(101)).toBe(done);
    }),
  );

  test.each<[FaultInput, number, string]>([
    [{ kind: 'empty', path: 'clone' }, 200, ''],
    [{ kind: 'status-after-effect', code: 596, reason: 'Connection timed out', path: 'clone' }, 596, ''],
  ])('hide what was done: %j', (fault, status, text) =>
    withFake({ cluster }, async (client, fake) => {
      fake.faults.add(fault);
      const reply = await client.send('POST', CLONE, { newid: 101 });
      expect([reply.status, reply.text]).toEqual([status, text]);
      expect(fake.state.guests.has(101)).toBe(true);
    }),
  );

  test('fail a task, which cleans up after itself', () =>
    withFake({ cluster }, async (client, fake) => {
      fake.faults.add({ kind: 'taskFail', exitstatus: 'no more', path: 'clone' });
      expect(await client.run('POST', CLONE, { newid: 101 })).toBe('no more');
      expect(fake.state.guests.has(101)).toBe(false);
    }));

  test('fail a task after its work was done', () =>
    withFake({ cluster }, async (client, fake) => {
      fake.faults.add({ kind: 'taskFail', exitstatus: 'unexpected status', late: true, path: 'start' });
      expect(await client.run('POST', START)).toBe('unexpected status');
      expect(fake.state.guests.get(100)?.running).toBeDefined();
    }));

  test('warn in a task that ends well', () =>
    withFake({ cluster }, async (client, fake) => {
      fake.faults.add({ kind: 'taskWarn', path: 'start' });
      expect(await client.run('POST', START)).toBe('WARNINGS: 1');
    }));

  test('let a task hang until it is aborted', () =>
    withFake({ cluster }, async (client, fake) => {
      fake.faults.add({ kind: 'taskHang', path: 'start' });
      const upid = (await client.send('POST', START)).data as string;
      const path = `/nodes/pve1/tasks/${encodeURIComponent(upid)}`;
      expect((await client.get(`${path}/status`)).status).toBe('running');
      await client.send('DELETE', path);
      expect((await fake.state.tasks.ended(upid))?.exitstatus).toBe('received interrupt');
    }));

  test('fill a storage', () =>
    withFake({ cluster }, async (client, fake) => {
      fake.faults.add({ kind: 'storageFull', storage: 'dir' });
      expect((await client.get('/nodes/pve1/storage/dir/status')).avail).toBe(0);
      expect(await client.run('POST', '/nodes/pve1/qemu/100/config', { scsi1: 'dir:1' })).toContain(
        'No space left',
      );
    }));

  test('are armed over HTTP, and refused when they make no sense', () =>
    withFake({ cluster }, async (client, fake) => {
      const post = (body: unknown) =>
        client.send(
          'POST',
          '/fakepve/faults',
          {},
          { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } },
        );
      expect((await post({ kind: 'status', code: 500, reason: 'no', path: '/version' })).status).toBe(200);
      expect((await client.send('GET', '/version')).reason).toBe('no');
      expect((await post({ kind: 'status', code: 500 })).status).toBe(400);
      await client.send('DELETE', '/fakepve/faults');
      expect((await client.send('GET', '/version')).status).toBe(200);
      expect(fake.requests.every(({ path }) => !path.startsWith('/fakepve'))).toBe(true);
    }));
});
