import { describe, expect, test } from '@jest/globals';
import { withFake } from './client.ts';
import type { Client } from './client.ts';
import type { ClusterInput, FakePve } from '../../fakepve/index.ts';

const SNAPSHOT = '/nodes/pve1/qemu/100/snapshot';

const cluster = (disk: string, running = false): ClusterInput => ({
  nodes: [{ name: 'pve1' }],
  storages: [
    { id: 'dir', type: 'dir', content: ['images'] },
    { id: 'ceph', type: 'rbd', content: ['images'], shared: true },
    { id: 'lvm', type: 'lvm', content: ['images'] },
    { id: 'san', type: 'lvm', content: ['images'], size: '4G', snapshotsAsVolumeChain: true },
    { id: 'thin', type: 'lvmthin', content: ['images'] },
    { id: 'tank', type: 'zfspool', content: ['images'] },
    { id: 'nas', type: 'nfs', content: ['images'], shared: true, snapshotsAsVolumeChain: true },
    { id: 'pool', type: 'btrfs', content: ['images'] },
    { id: 'target', type: 'iscsi', content: ['images'] },
  ],
  guests: [{ vmid: 100, node: 'pve1', running, config: { name: 'before', memory: 1024, scsi0: disk } }],
});

interface Row {
  readonly name: string;
  readonly parent?: string;
  readonly snapstate?: string;
  readonly vmstate?: number;
}

const take = (client: Client, snapname: string, more = {}) =>
  client.run('POST', SNAPSHOT, { snapname, ...more });

async function tree(client: Client): Promise<Record<string, string | undefined>> {
  const rows = await client.list<{ name: string; parent?: string }>(SNAPSHOT);
  return Object.fromEntries(rows.map(({ name, parent }) => [name, parent]));
}

const rollBack = (client: Client, name: string, more = {}) =>
  client.run('POST', `${SNAPSHOT}/${name}/rollback`, more);

const row = async (client: Client, name: string): Promise<Row | undefined> =>
  (await client.list<Row>(SNAPSHOT)).find((each) => each.name === name);

const config = (client: Client) => client.get('/nodes/pve1/qemu/100/config');

const lastLog = (fake: FakePve): readonly string[] => fake.state.tasks.list()[0]?.log ?? [];

const clone = (client: Client, full: number, snapname = 'one') =>
  client.run('POST', '/nodes/pve1/qemu/100/clone', { newid: 200, snapname, full });

describe('snapshots', () => {
  test.each([
    ['dir:1,format=qcow2', 'OK'],
    ['dir:1', 'snapshot feature is not available'],
    ['ceph:1', 'OK'],
    ['lvm:1', 'snapshot feature is not available'],
    ['san:1', 'OK'],
    ['san:1,format=raw', 'snapshot feature is not available'],
    ['thin:1', 'OK'],
    ['tank:1', 'OK'],
    ['nas:1', 'snapshot feature is not available'],
    ['nas:1,format=qcow2', 'OK'],
    ['pool:1', 'OK'],
    ['target:1', 'snapshot feature is not available'],
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

  test.each([
    ['efidisk0', 'dir:1', 'snapshot feature is not available'],
    ['efidisk0', 'dir:1,format=qcow2', 'OK'],
    ['tpmstate0', 'dir:1', 'snapshot feature is not available'],
  ])('of a guest with %s: %s: %s', (key, value, exit) =>
    withFake({ cluster: cluster('ceph:1') }, async (client) => {
      await client.send('PUT', '/nodes/pve1/qemu/100/config', { [key]: value });
      expect(await take(client, 'one')).toBe(exit);
    }),
  );

  test.each([
    ['pc-q35-9.2+pve1', 0],
    ['pc-q35-10.0', 1],
    ['q35', 1],
  ])('as a chain of volumes need a recent machine: %s', (machine, hasFeature) =>
    withFake({ cluster: cluster('san:1') }, async (client) => {
      await client.send('PUT', '/nodes/pve1/qemu/100/config', { machine });
      const answer = await client.get('/nodes/pve1/qemu/100/feature', { feature: 'snapshot' });
      expect(answer.hasFeature).toBe(hasFeature);
    }),
  );

  test.each([
    ['tank:1', "can't rollback, 'one' is not most recent snapshot on 'tank:vm-100-disk-0'"],
    ['san:1', "can't rollback, 'one' is not most recent snapshot on 'vm-100-disk-0.qcow2'"],
    ['nas:1,format=qcow2', "can't rollback, 'one' is not most recent snapshot on '100/vm-100-disk-0.qcow2'"],
    ['thin:1', 'OK'],
    ['ceph:1', 'OK'],
    ['dir:1,format=qcow2', 'OK'],
  ])('of a disk %s that are not the newest: %s', (disk, exit) =>
    withFake({ cluster: cluster(disk) }, async (client) => {
      await take(client, 'one');
      await take(client, 'two');
      expect(await rollBack(client, 'one')).toBe(exit);
      expect((await config(client)).lock).toBeUndefined();
      await client.run('DELETE', `${SNAPSHOT}/two`);
      expect(await rollBack(client, 'one')).toBe('OK');
    }),
  );

  test.each([
    ['tank:1', 1, "Full clone feature is not supported for a snapshot of 'tank:vm-100-disk-0' (scsi0)"],
    ['tank:1', 0, "Linked clone feature is not supported for a snapshot of 'tank:vm-100-disk-0' (scsi0)"],
    ['thin:1', 1, 'OK'],
    ['thin:1', 0, 'OK'],
    ['ceph:1', 0, 'OK'],
    ['san:1', 1, 'OK'],
    ['san:1', 0, "Linked clone feature is not supported for a snapshot of 'san:vm-100-disk-0.qcow2' (scsi0)"],
    ['dir:1,format=qcow2', 1, 'OK'],
  ])('of a disk %s, cloned with full=%i: %s', (disk, full, exit) =>
    withFake({ cluster: cluster(disk) }, async (client) => {
      await take(client, 'one');
      expect(await clone(client, full)).toBe(exit);
      const feature = full === 1 ? 'copy' : 'clone';
      const answer = await client.get('/nodes/pve1/qemu/100/feature', { feature, snapname: 'one' });
      expect(answer.hasFeature).toBe(exit === 'OK' ? 1 : 0);
    }),
  );

  test('show that they are incomplete, and that the guest is locked, while they are taken', () =>
    withFake({ cluster: cluster('ceph:1') }, async (client, fake) => {
      fake.faults.add({ kind: 'taskHang', path: '/snapshot$' });
      await client.send('POST', SNAPSHOT, { snapname: 'one' });
      expect(await row(client, 'one')).toMatchObject({ snapstate: 'prepare' });
      expect((await config(client)).lock).toBe('snapshot');
      const listed = await client.list('/cluster/resources', { type: 'vm' });
      expect(listed[0]?.lock).toBe('snapshot');
      const tasks = await client.list<{ type: string; id: string }>('/cluster/tasks');
      expect(tasks[0]).toMatchObject({ type: 'qmsnapshot', id: '100' });
    }));

  test('leave nothing behind where the storage fails', () =>
    withFake({ cluster: cluster('ceph:1', true) }, async (client, fake) => {
      fake.faults.add({ kind: 'snapshotsFail', storage: 'ceph' });
      expect(await take(client, 'one', { vmstate: 1 })).toMatch(/Input\/output error/);
      expect(await tree(client)).toEqual({ current: undefined });
      expect((await config(client)).lock).toBeUndefined();
      expect(fake.state.storage.find('ceph:vm-100-state-one', 'pve1')).toBeUndefined();
    }));

  test('stay half deleted, with the guest locked, until somebody unlocks it and deletes them again', () =>
    withFake({ cluster: cluster('ceph:1') }, async (client, fake) => {
      await take(client, 'one');
      await take(client, 'two');
      fake.faults.add({ kind: 'snapshotsFail', storage: 'ceph' });
      expect(await client.run('DELETE', `${SNAPSHOT}/one`)).toMatch(/Input\/output error/);
      expect(await row(client, 'one')).toMatchObject({ snapstate: 'delete' });
      expect(await client.run('DELETE', `${SNAPSHOT}/one`)).toBe('VM is locked (snapshot-delete)');
      expect(await rollBack(client, 'one')).toBe(
        'unable to rollback to incomplete snapshot (snapstate = delete)',
      );
      fake.outside.unlock(100);
      expect(await client.run('DELETE', `${SNAPSHOT}/one`, { force: 1 })).toBe('OK');
      expect(await tree(client)).toEqual({ two: undefined, current: 'two' });
    }));

  test('leave a guest off and locked whose disk cannot be rolled back', () =>
    withFake({ cluster: cluster('ceph:1', true) }, async (client, fake) => {
      await take(client, 'one');
      fake.faults.add({ kind: 'snapshotsFail', storage: 'ceph' });
      expect(await rollBack(client, 'one')).toMatch(/Input\/output error/);
      expect((await config(client)).lock).toBe('rollback');
      expect((await client.get('/nodes/pve1/qemu/100/status/current')).status).toBe('stopped');
    }));

  test.each(['prepare', 'delete'] as const)('are not rolled back to in the state %s', (state) =>
    withFake({ cluster: cluster('ceph:1') }, async (client, fake) => {
      await take(client, 'one');
      fake.outside.breakSnapshot(100, 'one', state);
      expect((await config(client)).lock).toBe(state === 'prepare' ? 'snapshot' : 'snapshot-delete');
      expect(await rollBack(client, 'one')).toBe(
        `unable to rollback to incomplete snapshot (snapstate = ${state})`,
      );
    }),
  );

  test('have twice the memory and 500 MiB for it, on the storage that the guest names', () =>
    withFake({ cluster: cluster('ceph:1', true) }, async (client, fake) => {
      await client.send('PUT', '/nodes/pve1/qemu/100/config', { vmstatestorage: 'thin' });
      await take(client, 'one', { vmstate: 1 });
      const state = fake.state.storage.find('thin:vm-100-state-one', 'pve1');
      expect(state?.size).toBe((2 * 1024 + 500) * 1024 ** 2);
      await client.run('POST', '/nodes/pve1/qemu/100/status/stop');
      expect(await client.run('DELETE', '/nodes/pve1/qemu/100')).toBe('OK');
      expect(fake.state.storage.find('thin:vm-100-state-one', 'pve1')).toBeUndefined();
    }));

  test.each([
    ['tank', { storage: 'tank' }],
    ['dir', { storage: 'dir' }],
  ])('have no memory where %s is full', (vmstatestorage, full) =>
    withFake({ cluster: cluster('ceph:1', true) }, async (client, fake) => {
      await client.send('PUT', '/nodes/pve1/qemu/100/config', { vmstatestorage });
      fake.faults.add({ kind: 'storageFull', ...full });
      expect(await take(client, 'one', { vmstate: 1 })).toMatch(/No space left on device/);
      expect(await tree(client)).toEqual({ current: undefined });
      expect(await take(client, 'one')).toBe('OK');
    }),
  );

  test('have no memory where a volume group has too little room for it', () =>
    withFake({ cluster: cluster('san:2', true) }, async (client) => {
      expect(await take(client, 'one', { vmstate: 1 })).toMatch(/insufficient free space/);
      expect(await row(client, 'one')).toBeUndefined();
    }));

  test('leave out the memory of a guest that is off', () =>
    withFake({ cluster: cluster('ceph:1') }, async (client) => {
      expect(await take(client, 'one', { vmstate: 1 })).toBe('OK');
      expect(await row(client, 'one')).toMatchObject({ vmstate: 0 });
    }));

  test.each([
    [{ 'amd-sev': 'type=std' }, 'amd-sev'],
    [{ virtiofs0: 'dirid=data' }, 'virtiofs'],
  ])('have no memory of a guest with %j', (options, blocker) =>
    withFake({ cluster: cluster('ceph:1', true) }, async (client, fake) => {
      fake.outside.edit(100, options);
      expect(await take(client, 'one', { vmstate: 1 })).toBe(
        `Cannot live-migrate, snapshot (with RAM), or hibernate a VM with: ${blocker}`,
      );
      expect(await take(client, 'one')).toBe('OK');
    }),
  );

  const NO_FREEZE = 'skipping guest filesystem freeze - ';

  test.each([
    ['0', undefined, `${NO_FREEZE}disabled in VM options`],
    ['1,guest-fsfreeze=0', undefined, `${NO_FREEZE}disabled in VM options`],
    ['1,freeze-fs-on-backup=0', undefined, `${NO_FREEZE}disabled in VM options`],
    ['1', { kind: 'agentSilent' } as const, `${NO_FREEZE}agent configured but not running?`],
    ['1', { kind: 'freezeFails' } as const, /^unable to freeze guest fs - /],
    ['1', undefined, "snapshotting 'drive-scsi0' (ceph:vm-100-disk-0)"],
  ])('of a running guest with agent: %s and %j say so in their log', (agent, fault, line) =>
    withFake({ cluster: cluster('ceph:1') }, async (client, fake) => {
      fake.outside.edit(100, { agent });
      fake.outside.start(100);
      if (fault) fake.faults.add(fault);
      expect(await take(client, 'one')).toBe('OK');
      const [first] = lastLog(fake);
      expect(first).toEqual(typeof line === 'string' ? line : expect.stringMatching(line));
    }),
  );

  test.each([
    ['ceph:1', 'internal qemu snapshot'],
    ['san:1', 'external qemu snapshot'],
    ['tank:1', 'TASK OK'],
  ])('of a running guest with %s are the work of QEMU or of the storage', (disk, line) =>
    withFake({ cluster: cluster(disk, true) }, async (client, fake) => {
      await take(client, 'one');
      expect(lastLog(fake)[2]).toBe(line);
    }),
  );

  test('bring back disks, NICs, tags and name, keep the description, and make disks added since unused', () =>
    withFake({ cluster: cluster('ceph:1') }, async (client, fake) => {
      fake.outside.edit(100, {
        tags: 'old',
        description: 'mark',
        net0: 'virtio,bridge=vmbr0',
        vmgenid: '00000000-0000-4000-8000-000000000000',
      });
      const before = await config(client);
      await take(client, 'one', { description: 'of the snapshot' });
      await client.send('PUT', '/nodes/pve1/qemu/100/config', { scsi1: 'thin:1', delete: 'net0' });
      await client.send('PUT', '/nodes/pve1/qemu/100/config', {
        tags: 'new',
        name: 'x',
        description: 'later',
      });
      await client.run('PUT', '/nodes/pve1/qemu/100/resize', { disk: 'scsi0', size: '2G' });
      await rollBack(client, 'one');
      const { vmgenid, ...after } = await config(client);
      const { vmgenid: old, digest: _digest, ...rest } = before;
      expect(after).toMatchObject({
        ...rest,
        description: 'later',
        parent: 'one',
        unused0: 'thin:vm-100-disk-0',
      });
      expect(after).not.toHaveProperty('scsi1');
      expect(vmgenid).not.toBe(old);
    }));

  test('go to another node, and to another storage, with their disks and their memory', () =>
    withFake(
      {
        cluster: {
          nodes: [{ name: 'pve1' }, { name: 'pve2' }],
          storages: [
            { id: 'thin', type: 'lvmthin', content: ['images'] },
            { id: 'dir', type: 'dir', content: ['images'] },
          ],
          guests: [{ vmid: 100, node: 'pve1', running: true, config: { scsi0: 'dir:1,format=qcow2' } }],
        },
      },
      async (client, fake) => {
        await take(client, 'one', { vmstate: 1 });
        await client.run('POST', '/nodes/pve1/qemu/100/status/stop');
        const to = { target: 'pve2', targetstorage: 'thin' };
        expect(await client.run('POST', '/nodes/pve1/qemu/100/migrate', to)).toBe('OK');
        const moved = '/nodes/pve2/qemu/100/snapshot/one';
        expect(await client.get(`${moved}/config`)).toMatchObject({
          scsi0: 'thin:vm-100-disk-0,size=1G',
          vmstate: 'thin:vm-100-state-one',
        });
        expect(await client.run('POST', `${moved}/rollback`)).toBe('OK');
        expect(await client.run('DELETE', moved)).toBe('OK');
        const volumes = fake.state.storage.ofGuest(100, 'pve2').map(({ volid }) => volid);
        expect(volumes).toEqual(['thin:vm-100-disk-0']);
      },
    ));

  test('do not let a disk leave a chain of volumes', () =>
    withFake({ cluster: cluster('san:1') }, async (client) => {
      await take(client, 'one');
      const moved = { disk: 'scsi0', storage: 'thin' };
      expect(await client.run('POST', '/nodes/pve1/qemu/100/move_disk', moved)).toMatch(/chain of volumes/);
      expect(await client.run('PUT', '/nodes/pve1/qemu/100/resize', { disk: 'scsi0', size: '2G' })).toBe(
        'OK',
      );
    }));

  test('are not taken of templates', () =>
    withFake({ cluster: cluster('ceph:1') }, async (client) => {
      await client.run('POST', '/nodes/pve1/qemu/100/template');
      expect(await take(client, 'one')).toBe("you can't take a snapshot if it's a template");
    }));

  test.each([
    ['VM.Snapshot', [200, 200, 403, 200]],
    ['VM.Snapshot.Rollback', [403, 200, 403, 403]],
    ['VM.Snapshot,VM.PowerMgmt', [200, 200, 200, 200]],
    ['VM.Audit', [403, 403, 403, 403]],
  ])(
    'need privileges: with %s creating, rolling back, with a start, and deleting answer %j',
    (names, codes) =>
      withFake(
        {
          cluster: {
            ...cluster('ceph:1'),
            roles: { Tester: names.split(',') },
            tokens: [
              { id: 'root@pam!all', privsep: false },
              { id: 'ci@pve!few', secret: '00000000-0000-4000-8000-000000000001', privsep: false },
            ],
            acls: [{ path: '/', role: 'Tester', user: 'ci@pve' }],
          },
        },
        async (client) => {
          await take(client, 'one');
          const authorization = 'PVEAPIToken=ci@pve!few=00000000-0000-4000-8000-000000000001';
          const status = async (method: string, path: string, params = {}) =>
            (await client.send(method, path, params, { authorization })).status;
          expect([
            await status('POST', SNAPSHOT, { snapname: 'two' }),
            await status('POST', `${SNAPSHOT}/one/rollback`),
            await status('POST', `${SNAPSHOT}/one/rollback`, { start: 1 }),
            await status('DELETE', `${SNAPSHOT}/one`),
          ]).toEqual(codes);
        },
      ),
  );
});
