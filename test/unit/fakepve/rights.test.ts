import { describe, expect, test } from '@jest/globals';
import { withFake } from './client.ts';
import type { Client } from './client.ts';
import type { ClusterInput } from '../../fakepve/index.ts';

const CONFIG = '/nodes/pve1/qemu/100/config';

/** Jane's token, which may do this on guest 100, and what else is granted. */
const cluster = (privileges: readonly string[], more: Partial<ClusterInput> = {}): ClusterInput => ({
  nodes: [{ name: 'pve1' }],
  storages: [{ id: 'dir', type: 'dir', content: ['images', 'iso'] }],
  guests: [
    { vmid: 100, node: 'pve1', config: { scsi0: 'dir:1', net0: 'virtio,bridge=vmbr0', tags: 'old' } },
    { vmid: 101, node: 'pve1', config: { tags: 'seen' } },
  ],
  roles: { Some: [...privileges] },
  users: [{ id: 'jane@pve' }],
  tokens: [{ id: 'jane@pve!ci' }],
  acls: [{ path: '/vms/100', role: 'Some', user: 'jane@pve' }],
  ...more,
});

const put = (client: Client, params: Record<string, string>) => client.send('PUT', CONFIG, params);

describe('rights on options', () => {
  test.each([
    ['VM.Config.CPU', { cores: '2' }, { memory: '512' }, '/vms/100, VM.Config.Memory'],
    ['VM.Config.Memory', { balloon: '0' }, { cores: '2' }, '/vms/100, VM.Config.CPU'],
    ['VM.Config.Options', { name: 'x' }, { scsihw: 'lsi' }, '/vms/100, VM.Config.HWType'],
    ['VM.Config.Network', { ciuser: 'x' }, { boot: 'order=scsi0' }, '/vms/100, VM.Config.Disk'],
    ['VM.Config.Cloudinit', { ipconfig0: 'ip=dhcp' }, { net1: 'e1000' }, '/vms/100, VM.Config.Network'],
    ['VM.Config.Options', { onboot: '1' }, { startup: 'order=1' }, '/, Sys.Modify'],
  ])('%s is enough for %j and not for %j', (privilege, allowed, refused, detail) =>
    withFake({ cluster: cluster([privilege]) }, async (client) => {
      expect((await put(client, allowed)).reason).toBe('OK');
      const reply = await put(client, refused);
      expect([reply.status, reply.reason]).toEqual([403, `Permission check failed (${detail})`]);
    }),
  );

  test('a cloud-init drive needs those of a CD drive as well', () =>
    withFake({ cluster: cluster(['VM.Config.Cloudinit']) }, async (client) => {
      expect((await put(client, { ide2: 'dir:cloudinit' })).reason).toContain('VM.Config.CDROM');
    }));

  test('a device needs the right to use its mapping as well', () =>
    withFake({ cluster: cluster(['VM.Config.HWType']) }, async (client) => {
      for (const [option, path] of [
        ['hostpci0', '/mapping/pci/gpu'],
        ['usb0', '/mapping/usb/gpu'],
      ] as const)
        expect((await put(client, { [option]: 'mapping=gpu' })).reason).toBe(
          `Permission check failed (${path}, Mapping.Use)`,
        );
    }));

  test('some options are for root itself, not for any token', () =>
    withFake({ cluster: cluster([], { tokens: [{ id: 'root@pam!operator' }] }) }, async (client) => {
      for (const option of ['args', 'lock'] as const)
        expect((await put(client, { [option]: 'backup' })).reason).toBe(
          `only root can set '${option}' config`,
        );
      expect((await put(client, { hostpci0: '01:00.0' })).reason).toBe(
        "only root can set 'hostpci0' config for non-mapped devices",
      );
    }));

  test('a rollback that starts the guest needs the right to start it', () =>
    withFake({ cluster: cluster(['VM.Snapshot']) }, async (client) => {
      const rollback = '/nodes/pve1/qemu/100/snapshot/one/rollback';
      expect((await client.send('POST', rollback, { start: 1 })).reason).toContain('VM.PowerMgmt');
    }));
});

describe('rights on tags', () => {
  const options = (access: string, registered = 'kept') => ({
    options: { 'user-tag-access': access, 'registered-tags': registered },
    acls: [
      { path: '/vms/100', role: 'Some', user: 'jane@pve' },
      { path: '/vms/101', role: 'PVEAuditor', user: 'jane@pve' },
    ],
  });

  test.each([
    ['user-allow=free', 'new', true],
    ['user-allow=free', 'kept', false],
    ['user-allow=existing', 'new', false],
    ['user-allow=existing', 'seen', true],
    ['user-allow=list,user-allow-list=mine', 'mine', true],
    ['user-allow=list,user-allow-list=mine', 'seen', false],
    ['user-allow=none', 'seen', false],
  ])('under "%s" the tag %s may be added: %s', (access, tag, allowed) =>
    withFake({ cluster: cluster(['VM.Config.Options', 'VM.Audit'], options(access)) }, async (client) => {
      const refused = `Permission check failed (/, Sys.Modify for modifying tag '${tag}')`;
      expect((await put(client, { tags: `old;${tag}` })).reason).toBe(allowed ? 'OK' : refused);
    }),
  );
});

describe('lists', () => {
  test('show guests and storages to those who may see them', () =>
    withFake({ cluster: cluster(['VM.Audit']) }, async (client) => {
      const rows = await client.list('/cluster/resources');
      expect(rows.map(({ id }) => id)).toEqual(['qemu/100', 'node/pve1']);
      expect(Object.keys(rows[1]!).sort()).toEqual(['cgroup-mode', 'id', 'level', 'node', 'status', 'type']);
      expect(await client.list('/nodes/pve1/storage')).toEqual([]);
    }));

  test('of tasks show foreign ones only to auditors of the node', () =>
    withFake(
      {
        cluster: cluster(['VM.PowerMgmt'], {
          tokens: [{ id: 'jane@pve!ci' }, { id: 'root@pam!other', secret: 's' }],
        }),
      },
      async (client, fake) => {
        const authorization = 'PVEAPIToken=root@pam!other=s';
        await client.send('POST', '/nodes/pve1/qemu/101/status/start', {}, { authorization });
        await client.run('POST', '/nodes/pve1/qemu/100/status/start');
        expect((await client.list('/nodes/pve1/tasks')).map(({ id }) => id)).toEqual(['100']);
        const foreign = fake.state.tasks.list().find(({ id }) => id === '101')!;
        const reply = await client.send(
          'GET',
          `/nodes/pve1/tasks/${encodeURIComponent(foreign.upid)}/status`,
        );
        expect(reply.reason).toBe('Permission check failed (/nodes/pve1, Sys.Audit)');
      },
    ));
});
