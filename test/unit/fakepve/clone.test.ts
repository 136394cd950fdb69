import { describe, expect, test } from '@jest/globals';
import { withFake } from './client.ts';
import type { ClusterInput } from '../../fakepve/index.ts';

const template = (storage: string) => ({
  vmid: 9000,
  node: 'a',
  template: true,
  config: {
    name: 'golden',
    description: 'of the template',
    scsi0: `${storage}:8`,
    ide2: `${storage}:cloudinit`,
    net0: 'virtio,bridge=vmbr0',
    smbios1: 'manufacturer=acme',
    tags: 'image',
  },
});

const cluster = (storage: string): ClusterInput => ({
  nodes: [{ name: 'a' }, { name: 'b' }],
  storages: [
    { id: 'ceph', type: 'rbd', content: ['images'], shared: true },
    { id: 'thin', type: 'lvmthin', content: ['images'] },
    { id: 'dir', type: 'dir', content: ['images', 'iso'] },
    { id: 'iso', type: 'dir', content: ['iso'] },
  ],
  guests: [template(storage)],
});

describe('clones', () => {
  test.each([
    ['ceph', 'ceph:base-9000-disk-0/vm-100-disk-0'],
    ['thin', 'thin:vm-100-disk-0'],
    ['dir', 'dir:9000/base-9000-disk-0.raw/100/vm-100-disk-0.qcow2'],
  ])('of a template on %s are linked in the way of that storage', (storage, volume) =>
    withFake({ cluster: cluster(storage) }, async (client) => {
      expect(await client.run('POST', '/nodes/a/qemu/9000/clone', { newid: 100 })).toBe('OK');
      const config = await client.get('/nodes/a/qemu/100/config');
      expect(config.scsi0).toBe(`${volume},size=8G`);
      expect(config.name).toBe('Copy-of-VM-golden');
      expect(config.template).toBeUndefined();
    }),
  );

  test('get a MAC, a UUID and a generation of their own, and keep the rest', () =>
    withFake({ cluster: cluster('ceph') }, async (client) => {
      await client.run('POST', '/nodes/a/qemu/9000/clone', { newid: 100, name: 'web' });
      const [before, after] = [
        await client.get('/nodes/a/qemu/9000/config'),
        await client.get('/nodes/a/qemu/100/config'),
      ];
      for (const key of ['net0', 'smbios1', 'vmgenid'] as const) expect(after[key]).not.toBe(before[key]);
      expect(after.smbios1).toContain('manufacturer=acme');
      expect([after.description, after.tags]).toEqual(['of the template', 'image']);
    }));

  test('of a guest that is no template are full', () =>
    withFake(
      { cluster: { ...cluster('ceph'), guests: [{ ...template('ceph'), template: false }] } },
      async (client) => {
        const refused = await client.send('POST', '/nodes/a/qemu/9000/clone', { newid: 100, full: 0 });
        expect(refused.reason).toBe(
          "Linked clone feature is not supported for 'ceph:vm-9000-disk-0' (scsi0)",
        );
        expect(await client.run('POST', '/nodes/a/qemu/9000/clone', { newid: 100 })).toBe('OK');
        expect((await client.get('/nodes/a/qemu/100/config')).scsi0).toBe('ceph:vm-100-disk-0,size=8G');
      },
    ));

  test('can be on another node only if that node sees every volume', () =>
    withFake({ cluster: cluster('thin') }, async (client, fake) => {
      const reply = await client.send('POST', '/nodes/a/qemu/9000/clone', { newid: 100, target: 'b' });
      expect(reply.reason).toBe("can't clone VM to node 'b' (VM uses local storage)");
      await fake.reset(cluster('ceph'));
      expect(await client.run('POST', '/nodes/a/qemu/9000/clone', { newid: 100, target: 'b' })).toBe('OK');
      expect((await client.send('GET', '/nodes/a/qemu/100/config')).status).toBe(500);
      expect((await client.send('GET', '/nodes/b/qemu/100/config')).status).toBe(200);
    }));

  test.each([
    [{ newid: 9000 }, 'unable to create VM 9000: config file already exists'],
    [{ newid: 100, storage: 'ceph' }, "parameter 'storage' not allowed for linked clones"],
    [{ newid: 100, full: 1, storage: 'nope' }, "storage 'nope' does not exist"],
    [{ newid: 100, target: 'c' }, "no such cluster node 'c'"],
    [{ newid: 100, snapname: 'old' }, "snapshot 'old' does not exist"],
    [{ newid: 100, pool: 'p' }, "Permission check failed (pool 'p' does not exist)"],
  ])('are refused at once for %j', (params, reason) =>
    withFake({ cluster: cluster('ceph') }, async (client) => {
      expect((await client.send('POST', '/nodes/a/qemu/9000/clone', params)).reason).toBe(reason);
      expect(client.fake.state.guests.has(100)).toBe(false);
    }),
  );

  test('name the storage that cannot hold disks', () =>
    withFake({ cluster: cluster('ceph') }, async (client) => {
      const reply = await client.send('POST', '/nodes/a/qemu/9000/clone', {
        newid: 100,
        full: 1,
        storage: 'iso',
      });
      expect(reply.errors).toEqual({ storage: "storage 'iso' does not support vm images" });
    }));

  test('take their VMID at once, and say nothing else until the first drive is there', () =>
    withFake({ cluster: cluster('ceph'), latency: { cloneSetup: 60_000 } }, async (client, fake) => {
      await client.send('POST', '/nodes/a/qemu/9000/clone', { newid: 100, name: 'web', description: 'mine' });
      expect(await client.get('/nodes/a/qemu/100/config')).toEqual({
        lock: 'clone',
        digest: expect.any(String),
      });
      expect((await client.send('GET', '/cluster/nextid', { vmid: 100 })).errors['vmid']).toBe(
        'VM 100 already exists',
      );
      expect((await client.send('PUT', '/nodes/a/qemu/100/config', { cores: 2 })).reason).toBe(
        'VM is locked (clone)',
      );
      await fake.reset();
    }));

  test('that are interrupted leave nothing behind', () =>
    withFake(
      { cluster: cluster('ceph'), latency: { cloneLinked: 60_000, cloneSetup: 0 } },
      async (client, fake) => {
        const upid = (await client.send('POST', '/nodes/a/qemu/9000/clone', { newid: 100 })).data as string;
        await client.send('DELETE', `/nodes/a/tasks/${encodeURIComponent(upid)}`);
        expect((await fake.state.tasks.ended(upid))?.exitstatus).toBe('clone failed: interrupted by signal');
        expect(fake.state.guests.has(100)).toBe(false);
        expect(fake.state.storage.ofGuest(100, 'a')).toEqual([]);
      },
    ));

  test('keep their base: it can be deleted only after them', () =>
    withFake({ cluster: cluster('ceph') }, async (client) => {
      await client.run('POST', '/nodes/a/qemu/9000/clone', { newid: 100 });
      const refused = "base volume 'ceph:base-9000-disk-0' is still in use by linked cloned";
      expect(await client.run('DELETE', '/nodes/a/qemu/9000')).toBe(refused);
      expect(await client.run('DELETE', '/nodes/a/qemu/100')).toBe('OK');
      expect(await client.run('DELETE', '/nodes/a/qemu/9000')).toBe('OK');
    }));

  test('can be made at the same time from one template that is off', () =>
    withFake({ cluster: cluster('ceph'), latency: { scale: 0.05 } }, async (client) => {
      const clones = [100, 101, 102].map((newid) =>
        client.run('POST', '/nodes/a/qemu/9000/clone', { newid }),
      );
      expect(await Promise.all(clones)).toEqual(['OK', 'OK', 'OK']);
    }));
});
