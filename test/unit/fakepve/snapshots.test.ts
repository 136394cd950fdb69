import { describe, expect, test } from '@jest/globals';
import { withFake } from './client.ts';
import type { Client } from './client.ts';
import type { ClusterInput } from '../../fakepve/index.ts';

const SNAPSHOT = '/nodes/pve1/qemu/100/snapshot';

const cluster = (disk: string, running = false): ClusterInput => ({
  nodes: [{ name: 'pve1' }],
  storages: [
    { id: 'dir', type: 'dir', content: ['images'] },
    { id: 'ceph', type: 'rbd', content: ['images'], shared: true },
    { id: 'lvm', type: 'lvm', content: ['images'] },
  ],
  guests: [{ vmid: 100, node: 'pve1', running, config: { name: 'before', scsi0: disk } }],
});

const take = (client: Client, snapname: string, more = {}) =>
  client.run('POST', SNAPSHOT, { snapname, ...more });

async function tree(client: Client): Promise<Record<string, string | undefined>> {
  const rows = await client.list<{ name: string; parent?: string }>(SNAPSHOT);
  return Object.fromEntries(rows.map(({ name, parent }) => [name, parent]));
}

describe('snapshots', () => {
  test.each([
    ['dir:1,format=qcow2', 'OK'],
    ['dir:1', 'snapshot feature is not available'],
    ['ceph:1', 'OK'],
    ['lvm:1', 'snapshot feature is not available'],
  ])('of a disk %s: %s', (disk, exit) =>
    withFake({ cluster: cluster(disk) }, async (client) => {
      expect(await take(client, 'one')).toBe(exit);
      expect((await client.get('/nodes/pve1/qemu/100/feature', { feature: 'snapshot' })).hasFeature).toBe(
        exit === 'OK' ? 1 : 0,
      );
      expect((await client.get('/nodes/pve1/qemu/100/config')).lock).toBeUndefined();
    }),
  );

  test('make a tree whose branches grow where the guest was rolled back to', () =>
    withFake({ cluster: cluster('ceph:1') }, async (client) => {
      for (const name of ['a1', 'a2', 'a3']) await take(client, name);
      await client.run('POST', `${SNAPSHOT}/a1/rollback`);
      await take(client, 'b2');
      expect(await tree(client)).toEqual({ a1: undefined, a2: 'a1', a3: 'a2', b2: 'a1', current: 'b2' });
      await client.run('DELETE', `${SNAPSHOT}/a1`);
      expect(await tree(client)).toEqual({ a2: undefined, a3: 'a2', b2: undefined, current: 'b2' });
    }));

  test('restore the configuration, and stop a guest whose memory they do not have', () =>
    withFake({ cluster: cluster('ceph:1', true) }, async (client) => {
      await take(client, 'disk');
      await take(client, 'memory', { vmstate: 1 });
      await client.send('PUT', '/nodes/pve1/qemu/100/config', { name: 'after' });
      const state = async () => (await client.get('/nodes/pve1/qemu/100/status/current')).status;
      await client.run('POST', `${SNAPSHOT}/disk/rollback`);
      expect([await state(), (await client.get('/nodes/pve1/qemu/100/config')).name]).toEqual([
        'stopped',
        'before',
      ]);
      await client.run('POST', `${SNAPSHOT}/memory/rollback`);
      expect(await state()).toBe('running');
      await client.run('POST', `${SNAPSHOT}/disk/rollback`, { start: 1 });
      expect(await state()).toBe('running');
    }));

  test('keep the memory in a volume of their own, which is deleted with them', () =>
    withFake({ cluster: cluster('ceph:1', true) }, async (client, fake) => {
      await take(client, 'memory', { vmstate: 1 });
      expect(fake.state.storage.find('ceph:vm-100-state-memory', 'pve1')).toBeDefined();
      await client.run('DELETE', `${SNAPSHOT}/memory`);
      expect(fake.state.storage.find('ceph:vm-100-state-memory', 'pve1')).toBeUndefined();
    }));

  test.each([
    ['current', "unable to use snapshot name 'current' (reserved name)"],
    ['x', 'Parameter verification failed.'],
    ['1st', 'Parameter verification failed.'],
    ['web.2026', 'Parameter verification failed.'],
    ['s'.repeat(41), 'Parameter verification failed.'],
    ['s'.repeat(40), 'OK'],
  ])('named %s: %s', (name, exit) =>
    withFake({ cluster: cluster('ceph:1') }, async (client) => {
      expect(await take(client, name)).toBe(exit);
    }),
  );

  test('hold the volumes that they know', () =>
    withFake({ cluster: cluster('ceph:1') }, async (client) => {
      await take(client, 'one');
      await client.send('PUT', '/nodes/pve1/qemu/100/config', { delete: 'scsi0' });
      const reply = await client.send('PUT', '/nodes/pve1/qemu/100/config', { delete: 'unused0' });
      expect(reply.reason).toContain('still in use (snapshot?)');
    }));
});
