import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { startFakePve } from '../../fakepve/index.ts';
import { withFake } from './client.ts';
import type { Client } from './client.ts';
import type { ClusterInput } from '../../fakepve/index.ts';

const GUEST = '/nodes/pve1/qemu/100';
const CLUSTER: ClusterInput = {
  nodes: [{ name: 'pve1' }],
  storages: [{ id: 'dir', type: 'dir', content: ['images', 'iso'] }],
  guests: [{ vmid: 100, node: 'pve1', config: { scsi0: 'dir:1', net0: 'virtio,bridge=vmbr0' } }],
};
const speaking = (pve: string, test: (client: Client) => Promise<void>) =>
  withFake({ cluster: CLUSTER, pve }, (client) => test(client));
const errors = async (client: Client, params: Record<string, string | number>) => {
  const { errors: found } = await client.send('PUT', `${GUEST}/config`, params);
  return Object.keys(found);
};

describe('a fake of an older version', () => {
  test.each([
    ['7.4', '7.4-16'],
    ['8.4', '8.4.11'],
    ['9.2', '9.2.11'],
  ])('says that it is %s', (pve, version) =>
    speaking(pve, async (client) => {
      expect((await client.send('GET', '/version')).data).toMatchObject({ release: pve, version });
      expect((await client.send('GET', '/nodes/pve1/version')).data).toMatchObject({ release: pve });
    }),
  );

  test('knows the parameters of its version', async () => {
    await speaking('7.0', async (client) => {
      expect(await errors(client, { ciupgrade: 0, cores: 2 })).toEqual(['ciupgrade']);
      expect(await errors(client, { tpmstate0: 'dir:1' })).toEqual(['tpmstate0']);
      expect(await errors(client, { scsi1: 'dir:1,ro=1' })).toEqual(['scsi1']);
      expect(await errors(client, { delete: 'ciupgrade' })).toEqual(['delete']);
    });
    await speaking('7.4', async (client) => {
      expect(await errors(client, { ciupgrade: 0 })).toEqual(['ciupgrade']);
      expect(await errors(client, { scsi1: 'dir:1,ro=1,cyls=4', memory: 1024 })).toEqual([]);
      expect(await errors(client, { memory: 'current=1024' })).toEqual(['memory']);
    });
    await speaking('8.4', async (client) => {
      expect(await errors(client, { ciupgrade: 0, memory: 'current=1024' })).toEqual([]);
      expect(await errors(client, { 'allow-ksm': 1 })).toEqual(['allow-ksm']);
    });
    await speaking('9.2', async (client) => {
      expect(await errors(client, { 'allow-ksm': 1 })).toEqual([]);
      expect(await errors(client, { scsi1: 'dir:1,cyls=4' })).toEqual(['scsi1']);
    });
  });

  test('knows the endpoints of its version', async () => {
    const statusOf = async (pve: string, path: string) => {
      let status = 0;
      await speaking(pve, async (client) => void ({ status } = await client.send('GET', path)));
      return status;
    };
    expect(await statusOf('7.2', `${GUEST}/cloudinit`)).toBe(501);
    expect(await statusOf('7.4', `${GUEST}/cloudinit`)).toBe(200);
    expect(await statusOf('8.4', '/cluster/ha/rules')).toBe(501);
    expect(await statusOf('9.0', '/cluster/ha/rules')).toBe(200);
  });

  test('has HA groups before 9, and rules since then', async () => {
    const group = { group: 'fast', nodes: 'pve1' };
    await speaking('8.4', async (client) => {
      expect((await client.send('POST', '/cluster/ha/groups', group)).status).toBe(200);
      expect(await client.list('/cluster/ha/groups')).toEqual([{ ...group, type: 'group' }]);
      const managed = { sid: 'vm:100', group: 'fast', state: 'stopped' };
      expect((await client.send('POST', '/cluster/ha/resources', { ...managed, group: 'none' })).reason).toBe(
        "HA group 'none' does not exist",
      );
      expect((await client.send('POST', '/cluster/ha/resources', managed)).status).toBe(200);
      expect((await client.send('GET', '/cluster/ha/resources/vm:100')).data).toMatchObject({
        group: 'fast',
      });
      expect((await client.send('DELETE', '/cluster/ha/groups/fast')).reason).toContain('vm:100');
    });
    await speaking('9.2', async (client) => {
      expect((await client.send('POST', '/cluster/ha/groups', group)).reason).toBe(
        'cannot create group: ha groups have been migrated to rules',
      );
    });
  });

  test('grows a disk without a task before 8', async () => {
    const grow = { disk: 'scsi0', size: '2G' };
    await speaking('7.4', async (client) => {
      expect(await client.run('PUT', `${GUEST}/resize`, grow)).toBe('no task');
      expect((await client.send('GET', `${GUEST}/config`)).data).toMatchObject({
        scsi0: expect.stringContaining('size=2G'),
      });
    });
    await speaking('8.4', async (client) =>
      expect(await client.run('PUT', `${GUEST}/resize`, grow)).toBe('OK'),
    );
  });

  test('has the privileges of its version', async () => {
    const role = (privs: string) => ({ roleid: 'Agent', privs });
    await speaking('8.4', async (client) => {
      expect((await client.send('POST', '/access/roles', role('VM.Monitor'))).status).toBe(200);
      const refused = await client.send('PUT', '/access/roles/Agent', { privs: 'VM.GuestAgent.Audit' });
      expect(refused.errors['privs']).toContain("invalid privilege 'VM.GuestAgent.Audit'");
    });
    await speaking('9.2', async (client) =>
      expect((await client.send('POST', '/access/roles', role('VM.Monitor'))).status).toBe(400),
    );
  });

  test('needs VM.Monitor for the guest agent, and no right on bridges before 8', () =>
    withFake(
      {
        pve: '7.4',
        cluster: {
          ...CLUSTER,
          roles: { Some: ['VM.Config.Network', 'VM.Audit'] },
          users: [{ id: 'jane@pve' }],
          tokens: [{ id: 'jane@pve!ci' }],
          acls: [{ path: '/vms', role: 'Some', user: 'jane@pve' }],
        },
      },
      async (client) => {
        const { reason } = await client.send('GET', `${GUEST}/agent/network-get-interfaces`);
        expect(reason).toBe('Permission check failed (/vms/100, VM.Monitor)');
        const nic = { net1: 'virtio,bridge=vmbr0' };
        expect((await client.send('PUT', `${GUEST}/config`, nic)).status).toBe(200);
        expect(await client.list('/nodes/pve1/network', { type: 'any_bridge' })).toHaveLength(1);
      },
    ));

  test('is none that nothing is known of', async () => {
    await expect(startFakePve({ pve: '6.4' })).rejects.toThrow('choose one of 7.0');
  });
});

test('in a cluster that is being upgraded each node speaks as its own version', async () => {
  const requestsFile = join(await mkdtemp(join(tmpdir(), 'fakepve-')), 'log.ndjson');
  const nodes = [
    { name: 'pve1', pve: '8.4' as const },
    { name: 'pve2', pve: '7.4' as const },
  ];
  const guests = nodes.map(({ name: node }, index) => ({ vmid: 100 + index, node }));
  await withFake({ cluster: { ...CLUSTER, nodes, guests }, requestsFile }, async (client) => {
    const write = (node: string, vmid: number) =>
      client.send('PUT', `/nodes/${node}/qemu/${vmid}/config`, { ciupgrade: 0 });
    expect((await write('pve1', 100)).status).toBe(200);
    expect((await write('pve2', 101)).status).toBe(400);
    expect((await client.send('GET', '/nodes/pve2/version')).data).toMatchObject({ release: '7.4' });
  });
  const lines = (await readFile(requestsFile, 'utf8')).trim().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as { pve: string }).pve)).toEqual(['8.4', '7.4', '7.4']);
});
