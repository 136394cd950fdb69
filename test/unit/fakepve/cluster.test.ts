import { describe, expect, test } from '@jest/globals';
import { parseCluster, shippedCluster } from '../../fakepve/cluster-file.ts';
import { servedEndpoints } from '../../fakepve/router.ts';
import { endpoints } from '../../fakepve/schema/schema.ts';
import { formatUpid, parseUpid } from '../../fakepve/upid.ts';
import { ManualClock } from '../../fakepve/index.ts';
import { withFake } from './client.ts';
import type { ClusterInput, FakePve } from '../../fakepve/index.ts';

const two = {
  name: 'lab',
  nodes: [{ name: 'a', cpus: 4 }, { name: 'b' }],
  storages: [
    { id: 'ceph', type: 'rbd', content: ['images'], shared: true },
    { id: 'local', type: 'dir', content: ['images', 'iso'] },
  ],
  guests: [
    { vmid: 100, node: 'a', config: { name: 'one', scsi0: 'ceph:1' } },
    { vmid: 102, node: 'b', running: true, config: { name: 'two', scsi0: 'local:1' } },
  ],
} satisfies ClusterInput;

/** Of the task that was started last. */
const lastLog = ({ state }: FakePve): string => state.tasks.list()[0]?.log.join('\n') ?? '';

describe('a cluster', () => {
  test('description that is wrong is refused with the place', () => {
    expect(() => parseCluster({ nodes: [{ name: 'a', cpu: 4 }] })).toThrow(/cpu/);
    expect(() => parseCluster({ nodes: [] })).toThrow(/nodes/);
  });

  test('may be described in the terse words of a recording', () => {
    const storages = [
      { storage: 'local', type: 'dir', path: '/x', content: ['iso'], shared: 0, nodes: null },
    ];
    const terse = { version: '9.2', nodes: ['pve1'], nodeCpus: 2, storages, bridges: ['vmbr0'], vms: [] };
    const wanted = {
      nodes: [{ name: 'pve1', cpus: 2 }],
      storages: [{ id: 'local', path: '/x', shared: false }],
    };
    expect(parseCluster(terse)).toMatchObject(wanted);
    expect(parseCluster({ scenario: 'x', cluster: terse, steps: [] })).toMatchObject(wanted);
  });

  test('of the samples has its nodes, storages, bridges and template', () =>
    withFake({ cluster: 'document' }, async (client) => {
      expect(shippedCluster('document').nodes.map(({ name }) => name)).toEqual(['pve-1', 'pve-2', 'pve-3']);
      const config = await client.get('/nodes/pve-1/qemu/9000/config');
      expect(config).toMatchObject({ name: 'ubuntu-22-template', template: 1, bios: 'ovmf', machine: 'q35' });
      expect(config.scsi0).toContain('nvme-storage:base-9000-disk-');
    }));

  test('hands out the lowest free VMID within the range of the datacenter', () =>
    withFake({ cluster: two }, async (client) => {
      expect(await client.get('/cluster/nextid')).toBe('101');
      await client.send('PUT', '/cluster/options', { 'next-id': 'lower=102,upper=103' });
      expect((await client.send('GET', '/cluster/nextid')).reason).toBe(
        'unable to get any free VMID in range [102, 103]',
      );
    }));

  test('passes requests on to its nodes, and says when one does not answer', () =>
    withFake({ cluster: two }, async (client, fake) => {
      fake.faults.add({ kind: 'nodeOffline', node: 'b' });
      const reply = await client.send('GET', '/nodes/b/qemu/102/config');
      expect([reply.status, reply.reason, reply.text]).toEqual([595, 'No route to host', '']);
      const rows = await client.list('/cluster/resources');
      expect(rows.find(({ id }) => id === 'qemu/102')).toMatchObject({ status: 'unknown' });
      expect(rows.find(({ id }) => id === 'node/b')).toMatchObject({ status: 'offline' });
      expect((await client.send('GET', '/nodes/c/qemu')).reason).toContain("hostname lookup 'c' failed");
    }));

  test('lists the guests of a node that is gone as they were, and after five minutes without a state', () =>
    withFake({ cluster: two, clock: new ManualClock(), latency: {} }, async (client, fake) => {
      fake.faults.add({ kind: 'nodeOffline', node: 'b' });
      const row = async () => (await client.list('/cluster/resources')).find(({ id }) => id === 'qemu/102');
      expect(await row()).toMatchObject({ status: 'running', name: 'two' });
      await fake.clock.advance(300_000);
      expect(await row()).toMatchObject({ status: 'unknown', name: 'two', template: 0 });
    }));

  test('takes a clone to a VMID of another node, and its task fails', () =>
    withFake({ cluster: two }, async (client, fake) => {
      fake.addGuest({ vmid: 700, node: 'a', template: true, config: { scsi0: 'ceph:1' } });
      expect(await client.run('POST', '/nodes/a/qemu/700/clone', { newid: 102 })).toBe(
        "close (rename) atomic file '/etc/pve/nodes/a/qemu-server/102.conf' failed: File exists",
      );
      expect(fake.state.guests.get(102)?.get('name')).toBe('two');
      expect((await client.send('POST', '/nodes/a/qemu/700/clone', { newid: 100 })).status).toBe(500);
    }));

  test('deletes an image whose name in the path has a slash, escaped or not', () =>
    withFake({ cluster: two }, async (client, fake) => {
      for (const volume of ['iso/x.iso', 'local:iso/x.iso', 'local%3Aiso%2Fx.iso']) {
        const { storage } = fake.state;
        storage.put({ ...storage.find('local:102/vm-102-disk-0.raw', 'b')!, volid: 'local:iso/x.iso' }, 'a');
        expect(await client.run('DELETE', `/nodes/a/storage/local/content/${volume}`)).toBe('OK');
        expect(fake.state.storage.find('local:iso/x.iso', 'a')).toBeUndefined();
      }
    }));

  test('without quorum can be read and not changed', () =>
    withFake({ cluster: two }, async (client, fake) => {
      fake.faults.add({ kind: 'noQuorum' });
      const refusal = async (method: string, path: string, params = {}) =>
        (await client.send(method, `/nodes/a/qemu${path}`, params)).reason;
      const unwritable = expect.stringMatching(/^unable to open file '\/etc\/pve\/.*Permission denied$/);
      expect((await client.list('/cluster/status'))[0]).toMatchObject({ type: 'cluster', quorate: 0 });
      expect(await refusal('POST', '/100/status/start')).toBe('cluster not ready - no quorum?');
      expect(await refusal('POST', '/100/clone', { newid: 900 })).toBe('cluster not ready - no quorum?');
      expect(await refusal('PUT', '/100/config', { cores: 2 })).toEqual(unwritable);
      expect(await client.run('POST', '/nodes/a/qemu/100/config', { cores: 2 })).toEqual(unwritable);
      expect(await client.run('DELETE', '/nodes/a/qemu/100')).toEqual(unwritable);
      expect(await client.run('POST', '/nodes/a/qemu/100/status/stop')).toBe('OK');
      expect(fake.state.guests.get(100)?.get('cores')).toBeUndefined();
      fake.faults.clear();
      expect((await client.send('PUT', '/nodes/a/qemu/100/config', { cores: 2 })).status).toBe(200);
    }));

  test('moves guests between nodes, if their volumes can follow', () =>
    withFake({ cluster: two }, async (client, fake) => {
      expect(await client.run('POST', '/nodes/a/qemu/100/migrate', { target: 'b' })).toBe('OK');
      expect((await client.get('/nodes/b/qemu/100/status/current')).name).toBe('one');
      expect(await client.run('POST', '/nodes/b/qemu/102/migrate', { target: 'a' })).toBe(
        "can't migrate running VM without --online",
      );
      const local = await client.run('POST', '/nodes/b/qemu/102/migrate', { target: 'a', online: 1 });
      expect(local).toBe('migration aborted');
      expect(lastLog(fake)).toContain('without with-local-disks option');
    }));

  test('starts and moves a guest with a mapped device only where the mapping has one', () =>
    withFake({ cluster: { ...two, mappings: { gpu: ['a'] } } }, async (client, fake) => {
      fake.addGuest({ vmid: 600, node: 'a', config: { scsi0: 'ceph:3', hostpci0: 'mapping=gpu' } });
      expect(await client.get('/nodes/a/qemu/600/migrate')).toMatchObject({
        local_resources: ['hostpci0'],
        'mapped-resources': ['hostpci0'],
        not_allowed_nodes: { b: { 'unavailable-resources': ['hostpci0'] } },
      });
      expect(await client.run('POST', '/nodes/a/qemu/600/migrate', { target: 'b' })).toContain(
        'missing mapped devices',
      );
      expect(await client.run('POST', '/nodes/a/qemu/600/status/start')).toBe('OK');
      expect(await client.run('POST', '/nodes/a/qemu/600/migrate', { target: 'b', online: 1 })).toContain(
        'mapped devices: hostpci0',
      );
      fake.addGuest({ vmid: 601, node: 'b', config: { scsi0: 'ceph:3', hostpci0: 'mapping=gpu' } });
      expect(await client.run('POST', '/nodes/b/qemu/601/status/start')).toContain("not found for 'gpu'");
      fake.addGuest({ vmid: 602, node: 'b', config: { scsi0: 'ceph:3', hostpci0: '0000:01:00.0' } });
      expect(await client.run('POST', '/nodes/b/qemu/602/migrate', { target: 'a' })).toContain(
        'uses local devices: hostpci0',
      );
    }));

  test('starts no guest with more memory than its node has', () =>
    withFake(
      { cluster: { ...two, nodes: [{ name: 'a', memory: '8G' }, { name: 'b' }] } },
      async (client, fake) => {
        fake.addGuest({ vmid: 600, node: 'a', config: { scsi0: 'ceph:3', memory: '8193' } });
        expect(await client.run('POST', '/nodes/a/qemu/600/status/start')).toContain(
          'QEMU exited with code 1',
        );
      },
    ));

  test('lists the mode of a node in the HA manager', () =>
    withFake({ cluster: two }, async (client, fake) => {
      const modes = async () =>
        (await client.list('/cluster/resources', { type: 'node' })).map((row) =>
          'hastate' in row ? row.hastate : undefined,
        );
      expect(await modes()).toEqual([undefined, undefined]);
      fake.outside.setNodeMode('b', 'maintenance');
      expect(await modes()).toEqual([undefined, 'maintenance']);
    }));

  test('takes the local disks of a guest that is off along, to the storage that is named', () =>
    withFake(
      {
        cluster: {
          ...two,
          storages: [
            ...two.storages,
            { id: 'thin', type: 'lvmthin', content: ['images'] },
            { id: 'files', type: 'dir', content: ['images'], nodes: ['b'] },
          ],
        },
      },
      async (client, fake) => {
        fake.addGuest({ vmid: 600, node: 'a', config: { scsi0: 'thin:3', ide2: 'thin:cloudinit' } });
        const move = { target: 'b', targetstorage: 'files' };
        expect(await client.run('POST', '/nodes/a/qemu/600/migrate', move)).toBe('OK');
        const moved = await client.get('/nodes/b/qemu/600/config');
        expect(moved.scsi0).toBe('files:600/vm-600-disk-0.raw,size=3G');
        expect(fake.state.guests.get(600)?.get('ide2')).toContain('files:600/vm-600-cloudinit');
        expect(fake.state.storage.ofGuest(600, 'a')).toEqual([]);
        fake.addGuest({ vmid: 601, node: 'a', config: { scsi0: 'thin:3' } });
        expect(await client.run('POST', '/nodes/a/qemu/601/migrate', { target: 'b' })).toBe('OK');
        expect((await client.get('/nodes/b/qemu/601/config')).scsi0).toBe('thin:vm-601-disk-0,size=3G');
      },
    ));

  test('does not move a linked clone away from its base', () =>
    withFake(
      {
        cluster: { ...two, storages: [...two.storages, { id: 'files', type: 'dir', content: ['images'] }] },
      },
      async (client, fake) => {
        fake.addGuest({ vmid: 700, node: 'a', template: true, config: { scsi0: 'files:3' } });
        expect(await client.run('POST', '/nodes/a/qemu/700/clone', { newid: 701 })).toBe('OK');
        expect(await client.run('POST', '/nodes/a/qemu/701/migrate', { target: 'b' })).toBe(
          'migration aborted',
        );
        expect(lastLog(fake)).toContain("as it's a clone of 'base-700-disk-0.raw'");
        expect(await client.run('POST', '/nodes/a/qemu/700/migrate', { target: 'b' })).toBe(
          'migration aborted',
        );
        expect(lastLog(fake)).toContain('referenced by linked clone(s)');
      },
    ));

  test('shows what others do to it', () =>
    withFake({ cluster: two }, async (client, fake) => {
      fake.outside.stop(102);
      fake.outside.rename(100, 'renamed');
      fake.outside.migrate(100, 'b');
      fake.addGuest({ vmid: 500, node: 'a', config: { scsi0: 'ceph:3' } });
      const rows = await client.list('/cluster/resources', { type: 'vm' });
      expect(rows.map(({ vmid, node, status, name }) => [vmid, node, status, name])).toEqual([
        [100, 'b', 'stopped', 'renamed'],
        [102, 'b', 'stopped', 'two'],
        [500, 'a', 'stopped', 'VM 500'],
      ]);
      fake.outside.delete(500);
      expect(fake.state.storage.ofGuest(500, 'a')).toEqual([]);
    }));

  test('shows its whole state, and no secrets', () =>
    withFake(
      {
        cluster: {
          ...two,
          pools: [{ id: 'team', vms: [100] }],
          users: [{ id: 'jane@pve', password: 'her-secret' }],
          tokens: [{ id: 'root@pam!operator', secret: 'token-secret' }],
          acls: [{ path: '/vms', role: 'PVEVMUser', user: 'jane@pve' }],
        },
      },
      async (client) => {
        for (const snapname of ['first', 'second'])
          await client.run('POST', '/nodes/a/qemu/100/snapshot', { snapname });
        await client.send('POST', '/cluster/ha/resources', { sid: 'vm:100' });
        const { data, text } = await client.send('GET', '/fakepve/state');
        expect(data).toMatchObject({
          guests: [
            {
              vmid: 100,
              snapshots: [
                { name: 'first', parent: null },
                { name: 'second', parent: 'first' },
              ],
            },
            { vmid: 102, status: 'running' },
          ],
          pools: [{ id: 'team', vms: [100] }],
          ha: { resources: [{ sid: 'vm:100' }], rules: [] },
          access: {
            users: [{ id: 'root@pam' }, { id: 'jane@pve' }],
            tokens: [{ id: 'root@pam!operator' }],
            acls: [{ path: '/vms', role: 'PVEVMUser', subject: 'jane@pve' }],
          },
        });
        expect(text).not.toMatch(/her-secret|token-secret/);
      },
    ));

  test('is as described again after a reset, with the same token', () =>
    withFake({ cluster: two }, async (client) => {
      await client.run('DELETE', '/nodes/a/qemu/100');
      for (const path of ['/fakepve/reset']) expect((await client.send('POST', path)).status).toBe(200);
      expect((await client.send('GET', '/nodes/a/qemu/100/config')).status).toBe(200);
    }));
});

test('a UPID reads back as it was written', () => {
  const parts = {
    node: 'pve-1',
    pid: 4711,
    pstart: 99,
    starttime: 1_700_000_000,
    type: 'qmmove',
    id: '100-scsi0>101-scsi1',
    user: 'root@pam!t',
  };
  expect(parseUpid(formatUpid(parts))).toEqual(parts);
  expect(parseUpid('UPID:nonsense')).toBeUndefined();
});

test('every route that is served has its parameters described', () => {
  expect(servedEndpoints.filter((key) => !endpoints.has(key))).toEqual([]);
});
