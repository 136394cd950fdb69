/** cloud-init's data after a VM was made: the image is deleted, a change is detected and treated as configured. */
import { expect, test } from '@jest/globals';
import { operatorAtWork } from '../harness/at-work.ts';
import { changes, type FakePve, guestNamed, images, ownGuests, seedFiles } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { condition, secret, tenant, userData, vm } from './tenant.ts';

const lab = operatorAtWork({ namespaces: 6 });

test.concurrent(
  'Ignition, meta-data and network data arrive as they are, and a snippet must be there',
  async () => {
    const t = await tenant(lab.plane);
    const ignition = '{"ignition": {"version": "3.4.0"}}';
    const networkData = 'version: 2\nethernets: {}\n';
    await t.apply(
      secret('coreos', { ignition }),
      vm('coreos', { userData: { ignition: { secretRef: { name: 'coreos' } } } }),
      vm('butane', { userData: { ignition: { inline: 'variant: fcos' } } }),
      vm('own', {
        metaData: { cloudInit: { inline: 'region: eu\n' } },
        networkData: { inline: networkData },
      }),
      vm('lost', { userData: { cloudInit: { snippet: 'local:snippets/lost.yaml' } } }),
    );
    await t.ready('vm/coreos', 'vm/own');
    const coreos = seedFiles(t.pve, guestNamed(t.pve, 'coreos'));
    expect(coreos['user-data']).toBe(ignition);
    // The name server of the node, which Proxmox VE would write into a drive of its own.
    expect(coreos['network-config']).toMatch(/type: "nameserver"\n +address:\n +- "192\.0\.2\.1"/);
    expect(seedFiles(t.pve, guestNamed(t.pve, 'own'))).toMatchObject({
      'meta-data': expect.stringContaining('region: eu'),
      'network-config': networkData,
    });
    const says = (name: string, is: string) =>
      soon(async () => expect(condition(await t.vm(name)).is).toBe(`Ready=False ${is}`));
    await says('butane', 'IgnitionInvalid');
    await says('lost', 'SnippetNotFound');
    expect(ownGuests(t.pve).map((guest) => guest.get('name'))).not.toContain('lost');
  },
);

const ejected = (pve: FakePve, name = 'web') =>
  soon(() => {
    expect(guestNamed(pve, name).get('ide2')).toBe('none,media=cdrom');
    expect(images(pve).map(({ volid }) => volid)).toEqual([]);
  });

test.concurrent('the image is ejected and deleted when the guest has read it, and it runs on', async () => {
  const t = await tenant(lab.plane);
  await t.apply(vm('web', { userData }));
  await t.ready('vm/web');
  const { running } = guestNamed(t.pve, 'web');
  await ejected(t.pve);
  await t.ready('vm/web');
  expect(guestNamed(t.pve, 'web').running).toBe(running);
  expect([...guestNamed(t.pve, 'web').pending]).toEqual([]);
  const done = changes(t.pve).length;
  await t.lookAgain();
  await t.ready('vm/web');
  expect(changes(t.pve)).toHaveLength(done);
  await t.delete('vm/web');
  expect(ownGuests(t.pve)).toEqual([]);
});

test.concurrent('the image stays while no agent answers, and is deleted with the VM', async () => {
  const t = await tenant(lab.plane);
  t.pve.faults.add({ kind: 'agentSilent' });
  await t.apply(vm('web', { userData, lifecycle: { gracefulShutdownTimeout: '1s' } }));
  await t.ready('vm/web');
  await t.lookAgain();
  await t.ready('vm/web');
  expect(images(t.pve)).toHaveLength(1);
  await t.delete('vm/web');
  expect(images(t.pve)).toEqual([]);
});

test.concurrent('an image that a rollback restored does not keep the VM from starting', async () => {
  const t = await tenant(lab.plane);
  await t.apply(vm('web', { userData }));
  await t.ready('vm/web');
  await ejected(t.pve);
  const guest = guestNamed(t.pve, 'web');
  const gone = t.pve.state.storage.arrivals.at(-1)?.volid ?? '';
  t.pve.outside.stop(guest.vmid);
  t.pve.outside.edit(guest.vmid, { ide2: `${gone},media=cdrom` });
  await soon(() => expect(guest.running).toBeDefined());
  expect(guest.get('ide2')).toBe('none,media=cdrom');
  await t.ready('vm/web');
});

test.concurrent(
  'user-data-change-sets-condition: a Secret that changed is reported with the part, not its content',
  async () => {
    const t = await tenant(lab.plane);
    await t.apply(
      secret('data', { userdata: '#cloud-config\nruncmd: [hush-one]\n' }),
      vm('web', { userData: { cloudInit: { secretRef: { name: 'data' } } } }),
      vm('quiet', { userData: { cloudInit: { secretRef: { name: 'data' } }, onChange: 'Ignore' } }),
    );
    await t.ready('vm/web', 'vm/quiet');
    await t.apply(secret('data', { userdata: '#cloud-config\nruncmd: [hush-two]\n' }));
    await soon(async () => {
      await t.lookAgain();
      const { is, message } = condition(await t.vm('web'), 'Synced');
      expect(is).toBe('Synced=False Different');
      expect(message).toContain('user-data');
    });
    await t.lookAgain('quiet');
    await t.ready('vm/web', 'vm/quiet');
    await soon(async () => expect(condition(await t.vm('quiet'), 'Synced').is).toBe('Synced=True InSync'));
    expect(JSON.stringify(await t.list('virtualmachines'))).not.toMatch(/hush/);
    expect(seedFiles(t.pve, guestNamed(t.pve, 'web'))['user-data']).toContain('hush-one');
    await t.delete('secret/data');
    await t.lookAgain();
    await t.ready('vm/web');
  },
);

test.concurrent('NextBoot delivers new user-data as another instance, without a reboot', async () => {
  const t = await tenant(lab.plane);
  const next = (inline: string) => vm('web', { userData: { cloudInit: { inline }, onChange: 'NextBoot' } });
  await t.apply(next('#cloud-config\npackages: [nginx]\n'));
  await t.ready('vm/web');
  await ejected(t.pve);
  const guest = guestNamed(t.pve, 'web');
  const { uid } = (await t.vm('web')).metadata;
  expect(seedFiles(t.pve, guest)['meta-data']).toContain(`"${uid}"`);
  const started = guest.running;
  await t.apply(next('#cloud-config\npackages: [caddy]\n'));
  await soon(async () => {
    const { is, message } = condition(await t.vm('web'), 'RestartRequired');
    expect(is).toBe('RestartRequired=True PendingChanges');
    expect(message).toContain('cloud-init');
  });
  expect(seedFiles(t.pve, guest)).toMatchObject({
    'user-data': expect.stringContaining('caddy'),
    'meta-data': expect.stringContaining(`"${uid}-1"`),
  });
  expect(guest.get('ide2')).toContain('virtrigaud-');
  expect(guest.running).toBe(started);
  t.pve.outside.stop(guest.vmid);
  await soon(() => expect(guest.running).not.toBe(started));
  await ejected(t.pve);
  await soon(async () =>
    expect(condition(await t.vm('web'), 'RestartRequired').is).toBe('no RestartRequired'),
  );
  await t.ready('vm/web');
});
