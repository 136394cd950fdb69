import { describe, expect, test } from '@jest/globals';
import { ManualClock } from '../../fakepve/index.ts';
import type { ClusterInput } from '../../fakepve/index.ts';
import { parseUpid } from '../../fakepve/upid.ts';
import { withFake } from './client.ts';

const cluster: ClusterInput = {
  name: 'lab',
  nodes: [{ name: 'a' }, { name: 'b' }],
  storages: [{ id: 'ceph', type: 'rbd', content: ['images'], shared: true }],
  guests: [
    { vmid: 100, node: 'a', running: true, config: { scsi0: 'ceph:1', agent: 1 } },
    { vmid: 101, node: 'b', running: true, config: { scsi0: 'ceph:1', agent: 1 } },
  ],
  users: [{ id: 'jane@pve', password: 'secret' }],
};
const CONFIG = '/nodes/a/qemu/100/config';
const TIMEOUT = "can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout";
const HOUR = 3_600_000;

describe('a lock that another process holds', () => {
  test('makes requests and tasks time out, until it is free', () =>
    withFake({ cluster }, async (client, fake) => {
      fake.faults.add({ kind: 'lockHeld', vmid: 100 });
      expect((await client.send('PUT', CONFIG, { cores: 2 })).reason).toBe(TIMEOUT);
      expect(await client.run('POST', '/nodes/a/qemu/100/status/stop')).toBe(TIMEOUT);
      expect((await client.send('PUT', '/nodes/b/qemu/101/config', { cores: 2 })).status).toBe(200);
      fake.faults.clear();
      expect((await client.send('PUT', CONFIG, { cores: 2 })).status).toBe(200);
    }));

  test('is taken by the waiter when it becomes free', () =>
    withFake({ cluster, latency: {} }, async (client, fake) => {
      fake.faults.add({ kind: 'lockHeld', vmid: 100 });
      const waiting = client.run('POST', '/nodes/a/qemu/100/config', { cores: 2 });
      await client.list('/nodes');
      fake.faults.clear();
      expect(await waiting).toBe('OK');
    }));

  test('is taken after its current holder is done', () =>
    withFake({ cluster, clock: new ManualClock(), latency: {} }, async (client, fake) => {
      const first = (await client.send('POST', '/nodes/a/qemu/100/config', { cores: 2 })).data as string;
      fake.faults.add({ kind: 'lockHeld', vmid: 100 });
      const second = (await client.send('POST', '/nodes/a/qemu/100/config', { cores: 3 })).data as string;
      await fake.clock.advance(60_000);
      const ends = [first, second].map((upid) => fake.state.tasks.get(upid)?.exitstatus);
      expect(ends).toEqual(['OK', TIMEOUT]);
    }));

  test('may be called off before its turn came', () =>
    withFake({ cluster, clock: new ManualClock(), latency: {} }, async (client, fake) => {
      const first = (await client.send('POST', '/nodes/a/qemu/100/config', { cores: 2 })).data as string;
      fake.faults.add({ kind: 'lockHeld', vmid: 100 });
      fake.faults.clear();
      const second = (await client.send('POST', '/nodes/a/qemu/100/config', { cores: 3 })).data as string;
      await fake.clock.advance(60_000);
      const ends = [first, second].map((upid) => fake.state.tasks.get(upid)?.exitstatus);
      expect(ends).toEqual(['OK', 'OK']);
    }));

  test('may stand in the configuration, which then has what it had before', () =>
    withFake({ cluster }, async (client, fake) => {
      fake.faults.add({ kind: 'lockHeld', vmid: 100, lock: 'backup' });
      expect((await client.get(CONFIG)).lock).toBe('backup');
      expect((await client.send('PUT', CONFIG, { cores: 2 })).reason).toBe('VM is locked (backup)');
      fake.faults.clear();
      expect((await client.get(CONFIG)).lock).toBeUndefined();
      expect((await client.send('PUT', CONFIG, { cores: 2 })).status).toBe(200);
    }));
});

describe('a silent agent', () => {
  const ping = (node: string, vmid: number) => `/nodes/${node}/qemu/${vmid}/agent/ping`;

  test('is that of one guest, or of all', () =>
    withFake({ cluster }, async (client, fake) => {
      const answers = async () => [
        (await client.send('POST', ping('a', 100))).reason,
        (await client.send('POST', ping('b', 101))).reason,
      ];
      const silent = 'QEMU guest agent is not running';
      fake.faults.add({ kind: 'agentSilent', vmid: 100 });
      expect(await answers()).toEqual([silent, 'OK']);
      fake.faults.add({ kind: 'agentSilent' });
      expect(await answers()).toEqual([silent, silent]);
      fake.faults.clear();
      expect(await answers()).toEqual(['OK', 'OK']);
    }));

  test('leaves the guest able to receive ACPI events', () =>
    withFake({ cluster }, async (client, fake) => {
      fake.faults.add({ kind: 'agentSilent' });
      expect(await client.run('POST', '/nodes/a/qemu/100/status/shutdown')).toBe('OK');
    }));
});

describe('a clock that is wrong', () => {
  const start = Date.UTC(2026, 0, 1);
  const clock = () => new ManualClock(start);

  test('is in the Date of answers and the tasks of its nodes', () =>
    withFake({ cluster, clock: clock() }, async (client, fake) => {
      fake.faults.add({ kind: 'clockSkew', ms: -HOUR });
      fake.faults.add({ kind: 'clockSkew', ms: 3 * HOUR, node: 'b' });
      const { headers } = await client.send('GET', '/version');
      expect(headers['date']).toBe('Wed, 31 Dec 2025 23:00:00 GMT');
      const started = async (node: string, vmid: number) =>
        parseUpid((await client.send('POST', `/nodes/${node}/qemu/${vmid}/status/reset`)).data as string)
          ?.starttime;
      expect([await started('a', 100), await started('b', 101)]).toEqual([
        (start - HOUR) / 1000,
        (start + 2 * HOUR) / 1000,
      ]);
    }));

  test('makes tickets invalid, in either direction', () =>
    withFake({ cluster, clock: clock() }, async (client, fake) => {
      const login = { username: 'jane@pve', password: 'secret' };
      const { ticket } = (await client.send('POST', '/access/ticket', login)).data as { ticket: string };
      const authorization = `PVEAuthCookie=${encodeURIComponent(ticket)}`;
      const read = async (ms: number) => {
        fake.faults.clear();
        fake.faults.add({ kind: 'clockSkew', ms });
        return (await client.send('GET', '/pools', {}, { authorization })).status;
      };
      expect([await read(HOUR), await read(3 * HOUR), await read(-HOUR)]).toEqual([200, 401, 401]);
    }));

  test('lets guests boot no sooner', () =>
    withFake({ cluster, clock: clock(), latency: { agentTimeout: 0 } }, async (client, fake) => {
      fake.faults.add({ kind: 'clockSkew', ms: HOUR });
      const reply = await client.send('POST', '/nodes/a/qemu/100/agent/ping');
      expect(reply.reason).toBe('QEMU guest agent is not running');
    }));
});

describe('rules that make no sense', () => {
  const json = { headers: { 'content-type': 'application/json' } };

  test.each([
    ['an unknown kind', { kind: 'fire' }],
    ['a path that is no regular expression', { kind: 'delay', ms: 1, path: '(' }],
    ['a lock that Proxmox VE does not know', { kind: 'lockHeld', vmid: 100, lock: 'mine' }],
    ['a locked guest that is not there', { kind: 'lockHeld', vmid: 999, lock: 'backup' }],
    ['a node that is not there', { kind: 'nodeOffline', node: 'z' }],
    ['a storage that is not there', { kind: 'storageFull', storage: 'z' }],
    ['an agent of a guest that is not there', { kind: 'agentSilent', vmid: 999 }],
    ['a clock of a node that is not there', { kind: 'clockSkew', ms: 1, node: 'z' }],
    ['a valid rule with an invalid one', [{ kind: 'noQuorum' }, { kind: 'nodeOffline' }]],
  ])('are refused and arm nothing: %s', (_, rule) =>
    withFake({ cluster }, async (client, fake) => {
      const sending = { ...json, body: JSON.stringify(rule) };
      expect((await client.send('POST', '/fakepve/faults', {}, sending)).status).toBe(400);
      expect((await client.send('GET', '/fakepve/faults')).data).toEqual([]);
      expect(fake.state.quorate).toBe(true);
    }),
  );

  test('may not even be JSON', () =>
    withFake({ cluster }, async (client) => {
      const reply = await client.send('POST', '/fakepve/faults', {}, { ...json, body: '{' });
      expect([reply.status, reply.reason]).toEqual([400, 'the body is not JSON']);
    }));
});
