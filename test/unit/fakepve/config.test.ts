import { describe, expect, test } from '@jest/globals';
import { modules } from '../../fakepve/memory.ts';
import { withFake } from './client.ts';
import type { Client } from './client.ts';
import type { ClusterInput } from '../../fakepve/index.ts';

const QEMU = '/nodes/pve1/qemu';

const cluster = (config: Record<string, string | number>, running = false): ClusterInput => ({
  nodes: [{ name: 'pve1', cpus: 8 }],
  storages: [{ id: 'dir', type: 'dir', content: ['images', 'iso', 'snippets'] }],
  guests: [{ vmid: 100, node: 'pve1', running, config: { memory: 2048, ...config } }],
});

const put = (client: Client, params: Record<string, string | number>) =>
  client.send('PUT', `${QEMU}/100/config`, params);
const config = (client: Client) => client.get(`${QEMU}/100/config`);
const pending = async (client: Client) =>
  (await client.list<object>(`${QEMU}/100/pending`)).filter((row) => 'pending' in row || 'delete' in row);

test('a change in the background that cannot be hot-plugged fails with the status and the reason', () =>
  withFake({}, async (client, fake) => {
    const config = { cores: 2, vcpus: 1, hotplug: 'cpu' };
    fake.addGuest({ vmid: 100, node: 'pve1', running: true, config });
    expect(await client.run('POST', '/nodes/pve1/qemu/100/config', { vcpus: 4 })).toBe(
      "400 Parameter verification failed. vcpus: hotplug problem - you can't add more vcpus than maxcpus",
    );
  }));

describe('a configuration', () => {
  test('has another digest after every write, and only then', () =>
    withFake({ cluster: cluster({}) }, async (client) => {
      const { digest = '' } = await config(client);
      expect((await config(client)).digest).toBe(digest);
      expect((await put(client, { cores: 2, digest })).status).toBe(200);
      expect((await put(client, { cores: 4, digest })).reason).toBe(
        'checksum mismatch (file change by other user?)',
      );
      expect((await config(client)).cores).toBe(2);
    }));

  test('shows whole numbers and booleans as numbers and all else as text', () =>
    withFake({ cluster: cluster({}) }, async (client) => {
      await put(client, { cores: 2, onboot: 'yes', cpulimit: 2, agent: 1, memory: 512 });
      expect(await config(client)).toMatchObject({
        cores: 2,
        onboot: 1,
        cpulimit: '2',
        agent: '1',
        memory: '512',
      });
    }));

  test('keeps tags in lower case, each once, in order', () =>
    withFake({ cluster: cluster({}) }, async (client) => {
      await put(client, { tags: 'web,B;a web' });
      expect((await config(client)).tags).toBe('a;b;web');
    }));

  test('never shows a password', () =>
    withFake({ cluster: cluster({}) }, async (client) => {
      await put(client, { cipassword: 'secret' });
      expect((await config(client)).cipassword).toBe('**********');
    }));

  test('lets a detached volume stay as unused, and forgets it in the boot order', () =>
    withFake(
      { cluster: cluster({ scsi0: 'dir:1', scsi1: 'dir:2', boot: 'order=scsi0;scsi1' }) },
      async (client) => {
        await put(client, { delete: 'scsi1' });
        expect(await config(client)).toMatchObject({
          unused0: 'dir:100/vm-100-disk-1.raw',
          boot: 'order=scsi0',
        });
        await put(client, { delete: 'unused0' });
        expect(await client.list('/nodes/pve1/storage/dir/content', { vmid: 100 })).toHaveLength(1);
      },
    ));

  describe('whose cloud-init drive is replaced', () => {
    const volumes = async (client: Client) =>
      (await client.list<{ volid: string }>('/nodes/pve1/storage/dir/content'))
        .map(({ volid }) => volid)
        .filter((volid) => volid.includes('cloudinit'));
    const IMAGE = 'dir:iso/cd.iso,media=cdrom';
    const withImage = (running: boolean, work: (client: Client) => Promise<void>) =>
      withFake({ cluster: cluster({ ide2: 'dir:cloudinit' }, running) }, async (client, fake) => {
        fake.state.storage.put(
          {
            volid: 'dir:iso/cd.iso',
            storage: 'dir',
            name: 'iso/cd.iso',
            content: 'iso',
            format: 'iso',
            size: 1024,
            vmid: undefined,
            parent: undefined,
            ctime: 0,
            data: undefined,
            snapshots: new Set(),
          },
          'pve1',
        );
        await work(client);
      });

    test.each(['none,media=cdrom', IMAGE])('frees its volume while it is off: %s', (value) =>
      withImage(false, async (client) => {
        expect((await put(client, { ide2: value })).status).toBe(200);
        expect(await volumes(client)).toEqual([]);
      }),
    );

    test('frees its volume while it runs only where the drive is emptied first', () =>
      withImage(true, async (client) => {
        await put(client, { ide2: 'none,media=cdrom' });
        expect(await volumes(client)).toEqual([]);
        await put(client, { ide2: 'dir:cloudinit' });
        expect(await pending(client)).toEqual([]);
        await put(client, { ide2: IMAGE });
        expect(await volumes(client)).toEqual(['dir:100/vm-100-cloudinit.qcow2']);
      }));

    test('leaves a volume behind that outlives the guest and refuses the next of its number', () =>
      withImage(true, async (client) => {
        await put(client, { ide2: IMAGE });
        await client.run('POST', `${QEMU}/100/status/stop`);
        expect(await client.run('DELETE', `${QEMU}/100?purge=1`)).toBe('OK');
        expect(await volumes(client)).toEqual(['dir:100/vm-100-cloudinit.qcow2']);
        await client.run('POST', QEMU, { vmid: 101, ide2: 'dir:cloudinit' });
        expect(await client.run('POST', `${QEMU}/101/clone`, { newid: 100 })).toContain(
          "disk image '/mnt/pve/dir/images/100/vm-100-cloudinit.qcow2' already exists",
        );
        expect(await client.run('POST', QEMU, { vmid: 100, ide2: 'dir:cloudinit' })).toContain(
          'already exists',
        );
      }));
  });

  test('takes an ISO image only as a CD', () =>
    withFake({ cluster: cluster({}) }, async (client) => {
      const { errors } = await put(client, { ide3: 'dir:iso/cd.iso' });
      expect(errors).toEqual({ ide3: "explicit 'media=cdrom' is required for iso images" });
    }));

  test('takes one cloud-init drive', () =>
    withFake({ cluster: cluster({ ide2: 'dir:cloudinit' }) }, async (client) => {
      expect(await client.run('POST', `${QEMU}/100/config`, { ide0: 'dir:cloudinit' })).toBe(
        "ide0 - cloud-init drive is already attached at 'ide2'",
      );
    }));

  test('refuses a balloon larger than the memory', () =>
    withFake({ cluster: cluster({}) }, async (client) => {
      expect((await put(client, { balloon: 4096 })).reason).toBe(
        'balloon value too large (must be smaller than assigned memory)',
      );
    }));

  test('is not changed while a lock stands in it', () =>
    withFake({ cluster: cluster({}) }, async (client, fake) => {
      fake.outside.lock(100, 'backup');
      expect((await put(client, { cores: 2 })).reason).toBe('VM is locked (backup)');
      fake.outside.unlock(100);
      expect((await put(client, { cores: 2 })).status).toBe(200);
    }));
});

describe('a running guest', () => {
  test('takes names, tags and cloud-init settings at once and leaves hardware pending', () =>
    withFake({ cluster: cluster({}, true) }, async (client) => {
      await put(client, { name: 'new', tags: 'x', ciuser: 'me', cores: 2, cpu: 'host' });
      expect(await pending(client)).toEqual([
        { key: 'cores', pending: 2 },
        { key: 'cpu', pending: 'host' },
      ]);
      expect(await config(client)).toMatchObject({ name: 'new', cores: 2 });
      expect((await client.get(`${QEMU}/100/config`, { current: 1 })).cores).toBeUndefined();
    }));

  test('has its pending changes after a stop', () =>
    withFake({ cluster: cluster({}, true) }, async (client) => {
      await put(client, { cores: 2, delete: 'memory' });
      await client.run('POST', `${QEMU}/100/status/stop`);
      expect(await pending(client)).toEqual([]);
      expect(await config(client)).toMatchObject({ cores: 2 });
      expect((await config(client)).memory).toBeUndefined();
    }));

  test('drops what is reverted', () =>
    withFake({ cluster: cluster({}, true) }, async (client) => {
      await put(client, { cores: 2 });
      await put(client, { revert: 'cores' });
      expect(await pending(client)).toEqual([]);
    }));

  test('gives a net device back, unless nothing runs in it', () =>
    withFake({ cluster: cluster({ net0: 'virtio,bridge=vmbr0' }, true) }, async (client, fake) => {
      expect((await put(client, { delete: 'net0' })).status).toBe(200);
      await fake.reset(cluster({ net0: 'virtio,bridge=vmbr0', tags: 'noguest' }, true));
      expect((await put(client, { delete: 'net0' })).errors['net0']).toContain('still busy in guest?');
      expect((await pending(client))[0]).toMatchObject({ key: 'net0', delete: 1 });
    }));

  test('takes CPUs up to its cores where hotplug has cpu', () =>
    withFake({ cluster: cluster({ cores: 4, vcpus: 1, hotplug: 'cpu' }, true) }, async (client) => {
      expect((await put(client, { vcpus: 3 })).status).toBe(200);
      expect((await put(client, { vcpus: 5 })).errors['vcpus']).toBe(
        "hotplug problem - you can't add more vcpus than maxcpus\n",
      );
      expect(await pending(client)).toEqual([{ key: 'vcpus', value: 3, pending: 5 }]);
    }));

  test('keeps its agent setting until it was off, but for trimming', () =>
    withFake({ cluster: cluster({ agent: 1 }, true) }, async (client) => {
      await put(client, { agent: 'enabled=1,fstrim_cloned_disks=1' });
      expect(await pending(client)).toEqual([]);
      await put(client, { agent: 0 });
      expect(await pending(client)).toMatchObject([{ key: 'agent', pending: '0' }]);
    }));

  test.each([
    [1024, 1024],
    [1025, 1536],
    [17_408, 17_408],
    [17_409, 18_432],
  ])('with memory hotplug gets modules: %d MiB become %d', (asked, got) => {
    expect(modules(asked)).toBe(got);
  });

  test('with memory hotplug loses whole modules, down to what was asked for or below', () =>
    withFake({ cluster: cluster({ memory: 4096, numa: 1, hotplug: 'memory' }, true) }, async (client) => {
      const after = async (memory: number) => {
        expect((await put(client, { memory })).status).toBe(200);
        return (await config(client)).memory;
      };
      expect(await after(1100)).toBe('1024');
      expect(await after(1100)).toBe('1536');
      expect(await after(1100)).toBe('1024');
      expect(await after(2048)).toBe('2048');
    }));

  test('never has a volume twice, nor one as unused that a drive has', () =>
    withFake({ cluster: cluster({ scsi0: 'dir:1', boot: 'order=scsi0' }, true) }, async (client, fake) => {
      const [volume = ''] = (await config(client)).scsi0?.split(',') ?? [];
      await put(client, { scsi0: `${volume},ssd=1,size=1G` });
      await put(client, { scsi0: `${volume},ssd=1,iothread=1,size=1G` });
      await put(client, { scsi0: `${volume},ssd=1,size=1G` });
      const unused = () =>
        [...(fake.state.guests.get(100)?.config ?? [])].filter(([key]) => /^unused/.test(key));
      expect(unused()).toEqual([]);
      await put(client, { scsi1: 'dir:1' });
      await put(client, { delete: 'scsi1' });
      const left = unused()[0]?.[1] ?? '';
      expect(unused()).toHaveLength(1);
      await put(client, { hotplug: '0' });
      await put(client, { scsi2: left });
      expect(await pending(client)).toMatchObject([{ key: 'scsi0' }, { key: 'scsi2' }]);
      expect(unused()).toEqual([]);
    }));
});

describe('hot-plugged USB', () => {
  const running = (config: Record<string, string | number>) => cluster({ ...config, hotplug: 'usb' }, true);
  const waiting = async (client: Client) =>
    (await pending(client)).map((row) => ('key' in row ? row.key : ''));

  test('takes the tablet in and out, if the hot-plug options name USB', () =>
    withFake({ cluster: running({}) }, async (client) => {
      await put(client, { tablet: 0 });
      await put(client, { delete: 'tablet' });
      expect(await waiting(client)).toEqual([]);
      await put(client, { hotplug: 'disk' });
      await put(client, { tablet: 0 });
      expect(await waiting(client)).toEqual(['tablet']);
    }));

  test('takes devices into systems that support it, and takes none out', () =>
    withFake({ cluster: running({ ostype: 'l26' }) }, async (client) => {
      await put(client, { usb0: 'mapping=stick' });
      expect(await waiting(client)).toEqual([]);
      await put(client, { delete: 'usb0' });
      expect(await waiting(client)).toEqual(['usb0']);
    }));

  test('takes no device into other systems', () =>
    withFake({ cluster: running({}) }, async (client) => {
      await put(client, { usb0: 'mapping=stick' });
      expect(await waiting(client)).toEqual(['usb0']);
    }));
});
