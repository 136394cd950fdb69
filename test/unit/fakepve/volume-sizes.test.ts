/** What storages make of the size that is asked for, and where the configuration shows it. */
import { describe, expect, test } from '@jest/globals';
import { withFake } from './client.ts';
import type { Client } from './client.ts';
import type { ClusterInput } from '../../fakepve/index.ts';

const GUEST = '/nodes/pve1/qemu/100';

const cluster: ClusterInput = {
  nodes: [{ name: 'pve1', cpus: 8 }],
  storages: [
    { id: 'dir', type: 'dir', content: ['images'] },
    { id: 'thick', type: 'lvm', content: ['images'] },
    { id: 'thin', type: 'lvmthin', content: ['images'] },
    { id: 'tank', type: 'zfspool', content: ['images'] },
    { id: 'ceph', type: 'rbd', content: ['images'], shared: true },
  ],
  guests: [{ vmid: 100, node: 'pve1', config: { memory: 2048 } }],
};

const KiB = 1 / 1024 / 1024;

const sizeIn = async (client: Client, key: string): Promise<string | undefined> => {
  const config: Readonly<Record<string, unknown>> = { ...(await client.get(`${GUEST}/config`)) };
  return /size=(\w+)/.exec(String(config[key]))?.[1];
};

describe('a volume', () => {
  test.each([
    ['dir', '1025K', '1025K'],
    ['tank', '1025K', '2M'],
    ['ceph', '1025K', '2M'],
    ['thick', '1025K', '4M'],
    ['thin', '1025K', '4M'],
  ])(
    'on %s for which 1025 KiB are asked: the configuration has %s, after a move %s',
    (storage, asked, made) =>
      withFake({ cluster }, async (client) => {
        await client.send('PUT', `${GUEST}/config`, { scsi1: `${storage}:${1025 * KiB}` });
        expect(await sizeIn(client, 'scsi1')).toBe(asked);
        await client.send('PUT', `${GUEST}/config`, { delete: 'scsi1' });
        const unused = (await client.get(`${GUEST}/config`)) as { readonly unused0?: string };
        await client.send('PUT', `${GUEST}/config`, { scsi2: unused.unused0 ?? '' });
        expect(await sizeIn(client, 'scsi2')).toBe(made);
      }),
  );

  test('that is moved has the size that its new storage gives it', () =>
    withFake({ cluster }, async (client) => {
      await client.send('PUT', `${GUEST}/config`, { scsi1: `dir:${1025 * KiB}` });
      expect(
        await client.run('POST', `${GUEST}/move_disk`, { disk: 'scsi1', storage: 'thin', delete: 1 }),
      ).toBe('OK');
      expect(await sizeIn(client, 'scsi1')).toBe('4M');
    }));

  test('is never made smaller than it really is, whatever the configuration says', () =>
    withFake({ cluster }, async (client) => {
      await client.send('PUT', `${GUEST}/config`, { scsi1: `thick:${1025 * KiB}` });
      const resize = (size: string) => client.run('PUT', `${GUEST}/resize`, { disk: 'scsi1', size });
      expect(await resize('2M')).toBe('shrinking disks is not supported');
      expect(await resize('4M')).toBe('OK');
      expect(await resize('5M')).toBe('OK');
      expect(await sizeIn(client, 'scsi1')).toBe('5M');
      expect(await resize('6M')).toBe('shrinking disks is not supported');
    }));
});

test('the state of a TPM is moved while the guest is off', () =>
  withFake({ cluster }, async (client) => {
    const move = (disk: string) =>
      client.run('POST', `${GUEST}/move_disk`, { disk, storage: 'thin', delete: 1 });
    await client.send('PUT', `${GUEST}/config`, { tpmstate0: 'dir:1,version=v2.0', efidisk0: 'dir:1' });
    await client.run('POST', `${GUEST}/status/start`);
    expect(await move('tpmstate0')).toBe(
      'storage migration failed: cannot move TPM state while VM is running',
    );
    expect(await move('efidisk0')).toBe('OK');
    await client.run('POST', `${GUEST}/status/stop`);
    expect(await move('tpmstate0')).toBe('OK');
    expect([await sizeIn(client, 'tpmstate0'), await sizeIn(client, 'efidisk0')]).toEqual(['4M', '4M']);
  }));
