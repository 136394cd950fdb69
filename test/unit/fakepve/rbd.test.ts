import { describe, expect, test } from '@jest/globals';
import { withFake } from './client.ts';
import type { Client } from './client.ts';
import type { ClusterInput, FakePve } from '../../fakepve/index.ts';

const GUEST = '/nodes/pve1/qemu/100';
const BUSY = 'rbd: unprotecting snap failed: (16) Device or resource busy';

const cluster = (running = false): ClusterInput => ({
  nodes: [{ name: 'pve1' }],
  storages: [
    { id: 'ceph', type: 'rbd', content: ['images'], shared: true },
    { id: 'thin', type: 'lvmthin', content: ['images'] },
  ],
  guests: [{ vmid: 100, node: 'pve1', running, config: { name: 'web', scsi0: 'ceph:1', scsi1: 'ceph:2' } }],
});

interface Row {
  readonly volid: string;
  readonly parent: string | null;
  readonly vmid: number;
}

const parents = async (client: Client): Promise<Record<string, string | null>> =>
  Object.fromEntries(
    (await client.list<Row>('/nodes/pve1/storage/ceph/content')).map(({ volid, parent }) => [volid, parent]),
  );

const snapshots = async (client: Client): Promise<Record<string, string | undefined>> =>
  Object.fromEntries(
    (await client.list<{ name: string; snapstate?: string }>(`${GUEST}/snapshot`)).map(
      ({ name, snapstate }) => [name, snapstate],
    ),
  );

const lockOf = async (client: Client): Promise<string | undefined> =>
  (await client.get(`${GUEST}/config`)).lock;

const lastLog = (fake: FakePve): readonly string[] => fake.state.tasks.list()[0]?.log ?? [];

async function snapshotWithClone(client: Client): Promise<void> {
  await client.run('POST', `${GUEST}/snapshot`, { snapname: 'one' });
  expect(await client.run('POST', `${GUEST}/clone`, { newid: 200, snapname: 'one', full: 0 })).toBe('OK');
}

const destroyClone = (client: Client) => client.run('DELETE', '/nodes/pve1/qemu/200', { purge: 1 });

describe('a linked clone of a snapshot on Ceph', () => {
  test('is a volume with a name of its own, and the list of volumes has its parent', () =>
    withFake({ cluster: cluster() }, async (client) => {
      await snapshotWithClone(client);
      expect(await parents(client)).toEqual({
        'ceph:vm-100-disk-0': null,
        'ceph:vm-100-disk-1': null,
        'ceph:vm-200-disk-0': 'vm-100-disk-0@one',
        'ceph:vm-200-disk-1': 'vm-100-disk-1@one',
      });
    }));

  test('keeps its parent as a template, whose clones have the name of the base', () =>
    withFake({ cluster: cluster() }, async (client) => {
      await snapshotWithClone(client);
      await client.run('POST', '/nodes/pve1/qemu/200/template');
      await client.run('POST', '/nodes/pve1/qemu/200/clone', { newid: 300, full: 0 });
      expect(await parents(client)).toMatchObject({
        'ceph:base-200-disk-0': 'vm-100-disk-0@one',
        'ceph:base-200-disk-0/vm-300-disk-0': 'base-200-disk-0@__base__',
      });
    }));

  test('lets the deletion of the snapshot fail halfway: the lock and the rest of the snapshot stay', () =>
    withFake({ cluster: cluster() }, async (client, fake) => {
      await snapshotWithClone(client);
      const exit = await client.run('DELETE', `${GUEST}/snapshot/one`);
      expect(exit).toBe(`rbd unprotect vm-100-disk-0 snap 'one' error: ${BUSY}`);
      expect(lastLog(fake)).toContainEqual(
        expect.stringContaining('cannot unprotect: at least 1 child(ren)'),
      );
      expect(await lockOf(client)).toBe('snapshot-delete');
      expect(await snapshots(client)).toMatchObject({ one: 'delete' });
    }));

  test('no longer does once it is gone and the lock is removed', () =>
    withFake({ cluster: cluster() }, async (client, fake) => {
      await snapshotWithClone(client);
      await client.run('DELETE', `${GUEST}/snapshot/one`);
      await destroyClone(client);
      expect(await client.run('DELETE', `${GUEST}/snapshot/one`)).toContain('VM is locked (snapshot-delete)');
      fake.state.guests.get(100)?.config.delete('lock');
      expect(await client.run('DELETE', `${GUEST}/snapshot/one`)).toBe('OK');
      expect(Object.keys(await snapshots(client))).toEqual(['current']);
    }));

  test('does not keep other snapshots from being deleted', () =>
    withFake({ cluster: cluster() }, async (client) => {
      await client.run('POST', `${GUEST}/snapshot`, { snapname: 'zero' });
      await snapshotWithClone(client);
      expect(await client.run('DELETE', `${GUEST}/snapshot/zero`)).toBe('OK');
    }));

  test('leaves the protection behind, which QEMU does not take back while the guest runs', () =>
    withFake({ cluster: cluster(true) }, async (client) => {
      await snapshotWithClone(client);
      await destroyClone(client);
      expect(await client.run('DELETE', `${GUEST}/snapshot/one`)).toBe(
        "VM 100 qmp command 'blockdev-snapshot-delete-internal-sync' failed - Failed to remove the snapshot: Device or resource busy",
      );
      expect(await lockOf(client)).toBe('snapshot-delete');
    }));

  test('with force the snapshot leaves the configuration, and its volumes stay protected', () =>
    withFake({ cluster: cluster() }, async (client) => {
      await snapshotWithClone(client);
      expect(await client.run('DELETE', `${GUEST}/snapshot/one`, { force: 1 })).toBe('OK');
      expect(Object.keys(await snapshots(client))).toEqual(['current']);
      expect(await client.run('DELETE', GUEST, { purge: 1 })).toBe('WARNINGS: 2');
    }));

  test('lets the guest be destroyed, and its images stay with a warning', () =>
    withFake({ cluster: cluster() }, async (client, fake) => {
      await snapshotWithClone(client);
      expect(await client.run('DELETE', GUEST, { purge: 1 })).toBe('WARNINGS: 2');
      const warning = `Could not remove disk 'ceph:vm-100-disk-0', check manually: rbd unprotect vm-100-disk-0 snap 'one' error: ${BUSY}`;
      expect(lastLog(fake)).toContainEqual(expect.stringContaining(warning));
      expect((await client.send('GET', `${GUEST}/config`)).status).toBe(500);
      expect(Object.keys(await parents(client))).toContain('ceph:vm-100-disk-0');
      expect(await client.run('DELETE', '/nodes/pve1/storage/ceph/content/ceph:vm-100-disk-0')).toContain(
        BUSY,
      );
    }));

  test('once it is gone, the guest is destroyed with its images', () =>
    withFake({ cluster: cluster() }, async (client) => {
      await snapshotWithClone(client);
      await destroyClone(client);
      expect(await client.run('DELETE', GUEST, { purge: 1 })).toBe('OK');
      expect(await parents(client)).toEqual({});
    }));

  test('a full clone protects nothing', () =>
    withFake({ cluster: cluster() }, async (client) => {
      await client.run('POST', `${GUEST}/snapshot`, { snapname: 'one' });
      await client.run('POST', `${GUEST}/clone`, { newid: 200, snapname: 'one', full: 1 });
      expect(await client.run('DELETE', `${GUEST}/snapshot/one`)).toBe('OK');
    }));
});

test('on thin LVM the snapshot of a linked clone can be deleted', () =>
  withFake(
    { cluster: { ...cluster(), guests: [{ vmid: 100, node: 'pve1', config: { scsi0: 'thin:1' } }] } },
    async (client) => {
      await snapshotWithClone(client);
      expect(await client.run('DELETE', `${GUEST}/snapshot/one`)).toBe('OK');
    },
  ));
