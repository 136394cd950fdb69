import { describe, expect, test } from '@jest/globals';
import { buildIso } from '../../../src/cloudinit/iso9660.ts';
import { ManualClock, RunningClock, instant } from '../../fakepve/index.ts';
import { globalAddress6, leasedAddress, linkLocal } from '../../fakepve/guest-network.ts';
import { readIso } from '../../fakepve/iso9660.ts';
import { withFake } from './client.ts';
import type { Client } from './client.ts';
import type { ClusterInput, FakePve } from '../../fakepve/index.ts';

const QEMU = '/nodes/pve1/qemu';
const MAC = '02:00:00:00:00:10';

const cluster = (config: Record<string, string | number>, running = true): ClusterInput => ({
  nodes: [{ name: 'pve1', cpus: 4 }],
  storages: [{ id: 'dir', type: 'dir', content: ['images', 'iso', 'snippets'] }],
  guests: [
    { vmid: 100, node: 'pve1', running, config: { net0: `virtio=${MAC},bridge=vmbr0`, agent: 1, ...config } },
  ],
});

interface Interfaces {
  readonly result: readonly {
    readonly name: string;
    readonly 'ip-addresses'?: readonly { readonly 'ip-address': string; readonly prefix: number }[];
  }[];
}

async function interfaces(client: Client): Promise<Interfaces['result']> {
  const reply = await client.send('GET', `${QEMU}/100/agent/network-get-interfaces`);
  return (reply.data as Interfaces).result;
}

async function addresses(client: Client): Promise<readonly string[]> {
  const eth0 = (await interfaces(client)).find(({ name }) => name === 'eth0');
  return (eth0?.['ip-addresses'] ?? []).map((address) => `${address['ip-address']}/${address.prefix}`);
}

describe('a guest that boots', () => {
  test('answers only when its system is up', async () => {
    const clock = new RunningClock();
    const latency = { guestBoot: 60_000, agentTimeout: 0 };
    await withFake({ cluster: cluster({}), clock, latency }, async (client) => {
      const ping = async () => (await client.send('POST', `${QEMU}/100/agent/ping`)).reason;
      expect(await ping()).toBe('QEMU guest agent is not running');
      await clock.advance(61_000);
      expect(await ping()).toBe('OK');
    });
  });

  test('has the addresses of its cloud-init settings', () =>
    withFake({ cluster: cluster({ ipconfig0: 'ip=192.0.2.20/24,ip6=2001:db8::20/64' }) }, async (client) => {
      expect(await addresses(client)).toEqual(['192.0.2.20/24', '2001:db8::20/64', linkLocal(MAC)]);
    }));

  test.each([
    ['ip=dhcp', [leasedAddress(MAC)]],
    ['ip=dhcp,ip6=auto', [leasedAddress(MAC), globalAddress6(MAC)]],
    ['ip6=dhcp', [globalAddress6(MAC)]],
  ])('with the settings %s has the addresses that these ask for, as from an image', (ipconfig0, expected) =>
    withFake({ cluster: cluster({ ipconfig0 }) }, async (client) => {
      expect(await addresses(client)).toEqual([...expected, linkLocal(MAC)]);
    }),
  );

  test('gets the same lease for the same MAC', () =>
    withFake({ cluster: cluster({ ipconfig0: 'ip=dhcp' }) }, async (client) => {
      const before = await addresses(client);
      await client.run('POST', `${QEMU}/100/status/stop`);
      await client.run('POST', `${QEMU}/100/status/start`);
      expect(await addresses(client)).toEqual(before);
    }));

  test('reads its addresses from an attached NoCloud image', () =>
    withFake({ cluster: cluster({}, false) }, async (client, fake) => {
      const network = `network:\n  version: 2\n  ethernets:\n    any:\n      match: {macaddress: "${MAC}"}\n      addresses: [198.51.100.7/24]\n`;
      const image = buildIso({
        volumeId: 'cidata',
        modifiedAt: new Date(0),
        files: [{ name: 'network-config', bytes: Buffer.from(network) }],
      });
      const boundary = 'x';
      const part = (head: string, value: Uint8Array | string) => [
        Buffer.from(`--x\r\nContent-Disposition: form-data; ${head}\r\n\r\n`),
        Buffer.from(value),
        Buffer.from('\r\n'),
      ];
      const body = Buffer.concat([
        ...part('name="content"', 'iso'),
        ...part('name="filename"; filename="seed.iso"', image),
        Buffer.from('--x--\r\n'),
      ]);
      const headers = { 'content-type': `multipart/form-data; boundary=${boundary}` };
      const upload = await client.send('POST', '/nodes/pve1/storage/dir/upload', {}, { body, headers });
      await fake.state.tasks.ended(upload.data as string);
      expect(fake.state.storage.find('dir:iso/seed.iso', 'pve1')?.data?.equals(image)).toBe(true);
      await client.send('PUT', `${QEMU}/100/config`, { ide2: 'dir:iso/seed.iso,media=cdrom' });
      await client.run('POST', `${QEMU}/100/status/start`);
      expect((await addresses(client))[0]).toBe('198.51.100.7/24');
    }));

  test('shows further interfaces that were described for it', () => {
    const described = cluster({});
    const docker = { name: 'docker0', mac: '02:42:00:00:00:01', ipv4: '172.17.0.1/16' };
    const guests = described.guests!.map((guest) => ({ ...guest, extraInterfaces: [docker] }));
    return withFake({ cluster: { ...described, guests } }, async (client) => {
      expect((await interfaces(client)).map(({ name }) => name)).toEqual(['lo', 'eth0', 'docker0']);
    });
  });
});

test('an ISO image with long names is read back file by file', () => {
  const files = ['meta-data', 'network-config', 'openstack/latest/user_data', 'user-data'].map((name) => ({
    name,
    bytes: Buffer.from(`of ${name}`),
  }));
  const read = readIso(Buffer.from(buildIso({ volumeId: 'cidata', modifiedAt: new Date(0), files })));
  expect([...read].map(([name, bytes]) => [name, bytes.toString()]).sort()).toEqual(
    files.map(({ name }) => [name, `of ${name}`]),
  );
  expect(readIso(Buffer.from('no image')).size).toBe(0);
});

describe('power', () => {
  test.each([
    [{ tags: 'noacpi', agent: 0 }, 'VM quit/powerdown failed - got timeout'],
    [{ tags: 'noguest' }, 'VM quit/powerdown failed - got timeout'],
    [{ agent: 0 }, 'OK'],
  ])('a shutdown of %j ends with %s', (config, exit) =>
    withFake({ cluster: cluster(config) }, async (client) => {
      expect(await client.run('POST', `${QEMU}/100/status/shutdown`, { timeout: 10 })).toBe(exit);
    }),
  );

  test.each([
    ['start', 'VM 100 already running'],
    ['reboot', 'OK'],
    ['reset', 'OK'],
    ['stop', 'OK'],
  ])('%s of a running guest: %s', (verb, exit) =>
    withFake({ cluster: cluster({}) }, async (client) => {
      expect(await client.run('POST', `${QEMU}/100/status/${verb}`)).toBe(exit);
    }),
  );

  test.each([
    [{ net1: 'virtio,bridge=vmbr9' }, "bridge 'vmbr9' does not exist"],
    [{ cores: 8 }, 'MAX 4 vcpus allowed per VM on this node'],
    [{ hotplug: 'memory' }, 'NUMA needs to be enabled for memory hotplug'],
    [{ hotplug: 'memory', numa: 1, memory: 512 }, 'minimum memory must be 1024MB'],
    [
      { hotplug: 'memory', numa: 1, memory: 1100 },
      'memory size (1100) must be aligned to 512 for hotplugging',
    ],
    [{ hotplug: 'memory', numa: 1, memory: 1536 }, 'OK'],
    [{ cicustom: 'user=dir:snippets/x.yaml' }, "volume 'dir:snippets/x.yaml' does not exist"],
    [{ bios: 'ovmf' }, 'WARNINGS: 1'],
  ])('a start with %j ends with "%s"', (config, exit) =>
    withFake({ cluster: cluster(config, false) }, async (client) => {
      expect(await client.run('POST', `${QEMU}/100/status/start`)).toBe(exit);
    }),
  );

  test('a hibernated guest is locked until it is started again', () =>
    withFake({ cluster: cluster({ scsi0: 'dir:1' }) }, async (client) => {
      expect(await client.run('POST', `${QEMU}/100/status/suspend`, { todisk: 1 })).toBe('OK');
      expect(await client.get(`${QEMU}/100/status/current`)).toMatchObject({
        status: 'stopped',
        lock: 'suspended',
      });
      expect(await client.run('POST', `${QEMU}/100/status/start`)).toBe('OK');
      expect((await client.get(`${QEMU}/100/config`)).vmstate).toBeUndefined();
    }));

  test('a hibernated guest is deleted with its saved memory, one with another lock is not', () =>
    withFake({ cluster: cluster({ scsi0: 'dir:1' }) }, async (client, fake) => {
      expect(await client.run('POST', `${QEMU}/100/status/suspend`, { todisk: 1 })).toBe('OK');
      fake.outside.lock(100, 'backup');
      expect(await client.run('DELETE', `${QEMU}/100`)).toBe('VM is locked (backup)');
      fake.outside.lock(100, 'suspended');
      expect(await client.run('DELETE', `${QEMU}/100`)).toBe('OK');
      expect(fake.state.storage.ofGuest(100, 'pve1')).toEqual([]);
    }));

  describe('the lock of a guest that runs again right after it ended', () => {
    const late = { cleanupStart: 1_000, cleanupWait: 30_000, lockTimeout: 10_000 };
    const put = async (client: Client, fake: FakePve) => {
      const reply = client.send('PUT', `${QEMU}/100/config`, { description: 'x' });
      await client.list('/nodes');
      await fake.clock.advance(10_000);
      return (await reply).reason;
    };
    const endWith = async (client: Client, fake: FakePve, verb: string) => {
      const upid = (await client.send('POST', `${QEMU}/100/status/${verb}`)).data as string;
      for (let i = 0; i < 20; i += 1) await fake.clock.advance(500);
      return fake.state.tasks.get(upid)?.exitstatus;
    };
    const withClock = (work: (client: Client, fake: FakePve) => Promise<void>) =>
      withFake({ cluster: cluster({}), clock: new ManualClock(), latency: late }, work);

    test.each(['shutdown', 'stop'])('is held for 30 s after a %s', (verb) =>
      withClock(async (client, fake) => {
        const { vmid } = fake.state.guests.get(100)!;
        const upid = (await client.send('POST', `${QEMU}/100/status/${verb}`)).data as string;
        while (fake.state.tasks.get(upid)?.exitstatus === undefined) await fake.clock.advance(100);
        fake.outside.start(vmid);
        expect(await put(client, fake)).toContain("can't lock file");
        await fake.clock.advance(21_000);
        expect(await put(client, fake)).toBe('OK');
      }),
    );

    test('is free where the guest was off for a while, where it crashed, and after a reboot', () =>
      withClock(async (client, fake) => {
        expect(await endWith(client, fake, 'stop')).toBe('OK');
        fake.outside.start(100);
        expect(await put(client, fake)).toBe('OK');
        fake.outside.crash(100);
        fake.outside.start(100);
        expect(await put(client, fake)).toBe('OK');
        expect(await endWith(client, fake, 'reboot')).toBe('OK');
        expect(await put(client, fake)).toBe('OK');
      }));
  });

  test('a stop overrules a shutdown that waits in vain', () =>
    withFake(
      { cluster: cluster({ tags: 'noguest' }), latency: { ...instant, scale: 0.01 } },
      async (client, fake) => {
        const upid = (await client.send('POST', `${QEMU}/100/status/shutdown`, { timeout: 60_000 }))
          .data as string;
        expect(await client.run('POST', `${QEMU}/100/status/stop`, { 'overrule-shutdown': 1 })).toBe('OK');
        expect((await fake.state.tasks.ended(upid))?.exitstatus).toBe('received interrupt');
      },
    ));
});
