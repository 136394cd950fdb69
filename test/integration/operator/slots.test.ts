/** The contents of a guest's slots, what it inherits from its template, and what an earlier guest left behind. */
import { describe, expect, test } from '@jest/globals';
import { shippedCluster } from '../../fakepve/cluster-file.ts';
import { operatorAtWork } from '../harness/at-work.ts';
import { cloneRequests, guestNamed, images, orphans, seedFiles, volumes } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { expectNothingLeft } from './world.ts';
import { condition, manifest, tenant, type Tenant, userData, vm } from './tenant.ts';

const lab = operatorAtWork({ namespaces: 9 });

type Options = Readonly<Record<string, string | number | null>>;

/** Its template has these options as well; `null` removes one. */
function tenantWith(options: Options, name: string): Promise<Tenant> {
  const cluster = shippedCluster('document');
  const [template, ...guests] = cluster.guests;
  const config = Object.fromEntries(
    Object.entries({ ...template!.config, ...options }).flatMap(([key, value]) =>
      value === null ? [] : [[key, value]],
    ),
  );
  return tenant(lab.plane, { cluster: { ...cluster, name, guests: [{ ...template!, config }, ...guests] } });
}

const nextBoot = (inline: string) => ({ userData: { cloudInit: { inline }, onChange: 'NextBoot' } });
const NGINX = '#cloud-config\npackages: [nginx]\n';

describe('the drive with cloud-init data', () => {
  test.concurrent(
    'is a config drive for Windows, and nothing is made for data that it cannot hold',
    async () => {
      const t = await tenantWith({ ostype: 'win11' }, 'windows');
      const script = '#ps1_sysnative\r\nWrite-Host 1\r\n';
      const withScript = { userData: { cloudInit: { inline: script } } };
      await t.apply(
        vm('win', withScript),
        vm('linux-data', { ...withScript, networkData: { inline: 'version: 2\nethernets: {}\n' } }),
        vm('endless', { userData: { cloudInit: { inline: `#cloud-config\na: [${','.repeat(200_000)}` } } }),
        vm('no-header', { userData: { cloudInit: { inline: 'packages: [nginx]\n' } } }),
      );
      await t.ready('vm/win');
      const files = seedFiles(t.pve, guestNamed(t.pve, 'win'));
      expect(files['openstack/latest/user_data']).toBe(script);
      expect(JSON.parse(files['openstack/latest/meta_data.json']!)).toMatchObject({ hostname: 'win' });
      for (const name of ['linux-data', 'no-header', 'endless']) {
        await soon(async () => expect(condition(await t.vm(name)).is).toBe('Ready=False CloudInitInvalid'));
        expect(await t.vm(name)).not.toHaveProperty('status.vmid');
      }
      expect(cloneRequests(t.pve)).toHaveLength(1);
    },
  );

  test.concurrent('takes no slot from a disk of a VM that was adopted', async () => {
    const t = await tenant(lab.plane);
    const vmid = 105;
    t.pve.addGuest({
      vmid,
      node: 'pve-2',
      config: {
        name: 'db',
        memory: 2048,
        scsi0: 'nvme-storage:10',
        ide2: 'nvme-storage:20',
        boot: 'order=scsi0',
      },
    });
    t.pve.outside.start(vmid);
    const guest = t.pve.state.guests.get(vmid)!;
    const disk = guest.get('ide2');
    const adopter = (spec: object) =>
      manifest('VirtualMachine', 'db', {
        providerRef: { name: 'pve' },
        classRef: { name: 'small' },
        adopt: { vmid },
        ...spec,
      });
    await t.apply(adopter({}));
    await t.ready('vm/db');
    await t.apply(adopter(nextBoot(NGINX)));
    await soon(async () =>
      expect(condition(await t.vm('db'), 'RestartRequired').message).toContain('cloud-init'),
    );
    t.pve.outside.stop(vmid);
    await soon(() => expect(guest.running).toBeDefined());
    await t.ready('vm/db');
    expect(guest.get('ide2')).toBe(disk);
    expect([...guest.config.keys()].filter((key) => key.startsWith('unused'))).toEqual([]);
    expect(seedFiles(t.pve, guest)['user-data']).toBe(NGINX);
  });

  test.concurrent('is refused before anything is uploaded where every slot is taken', async () => {
    const slots = ['ide0', 'ide1', 'ide2', 'ide3', 'sata0', 'sata1', 'sata2', 'sata3', 'sata4', 'sata5'];
    const scsi = Array.from({ length: 30 }, (_, n) => `scsi${n + 1}`);
    const taken = Object.fromEntries(
      [...slots, ...scsi].map((slot) => [slot, 'local:iso/x.iso,media=cdrom']),
    );
    const t = await tenantWith({ ide2: null }, 'full-slots');
    t.pve.outside.edit(9000, taken);
    await t.apply(vm('web', { userData }));
    await soon(async () => {
      const { is, message } = condition(await t.vm('web'));
      expect(is).toBe('Ready=False NoCloudInitSlot');
      expect(message).toContain('no free slot');
    });
    expect(images(t.pve)).toEqual([]);
    await t.delete('vm/web');
    expectNothingLeft(t);
  });

  test.concurrent('stays where the template has it, because its system reads no other bus', async () => {
    const t = await tenantWith({ ide2: null, scsi1: 'nvme-storage:cloudinit' }, 'scsi-drive');
    await t.apply(vm('web', { userData }));
    await t.ready('vm/web');
    const guest = guestNamed(t.pve, 'web');
    expect(guest.get('ide2')).toBeUndefined();
    await soon(() => expect(guest.get('scsi1')).toBe('none,media=cdrom'));
    await t.apply(vm('web', nextBoot('#cloud-config\npackages: [caddy]\n')));
    await soon(() => expect(guest.get('scsi1')).toContain('virtrigaud-'));
    expect(guest.get('ide2')).toBeUndefined();
    await t.delete('vm/web');
    expectNothingLeft(t);
  });
});

describe('a template', () => {
  const LOGIN = {
    protection: 1,
    onboot: 1,
    ciuser: 'ubuntu',
    cipassword: 'secret',
    nameserver: '192.0.2.53',
    searchdomain: 'example.com',
  };

  test.concurrent('passes on neither its protection nor its start with the node', async () => {
    const t = await tenantWith(LOGIN, 'protected');
    await t.apply(vm('web', { userData }), vm('kept', { protection: true, onBoot: true }));
    await t.ready('vm/web', 'vm/kept');
    expect(['protection', 'onboot'].map((key) => guestNamed(t.pve, 'web').get(key))).toEqual([
      undefined,
      undefined,
    ]);
    expect(['protection', 'onboot'].map((key) => guestNamed(t.pve, 'kept').get(key))).toEqual(['1', '1']);
    await t.delete('vm/web');
    expect(t.pve.state.guests.get(9000)?.get('protection')).toBe('1');
  });

  test.concurrent('passes on its login and its name servers, and what it cannot is reported', async () => {
    const t = await tenantWith(LOGIN, 'login');
    await t.apply(vm('web', { userData }), vm('plain'));
    await t.ready('vm/web', 'vm/plain');
    const files = seedFiles(t.pve, guestNamed(t.pve, 'web'));
    expect(files['vendor-data']).toContain('ubuntu');
    expect(files['network-config']).toContain('192.0.2.53');
    const { is, message } = condition(await t.vm('web'), 'FieldsIgnored');
    expect(is).toBe('FieldsIgnored=True NoEffect');
    expect(message).toContain('cipassword of the template is not inherited');
    expect(JSON.stringify(await t.vm('web'))).not.toContain('secret');
    expect(guestNamed(t.pve, 'plain').get('cipassword')).toBeDefined();
    expect(condition(await t.vm('plain'), 'FieldsIgnored').is).toBe('no FieldsIgnored');
  });
});

describe("the volume of Proxmox VE's own drive", () => {
  test.concurrent('is freed before an image takes its place in a VM that runs', async () => {
    const t = await tenant(lab.plane);
    await t.apply(vm('web', nextBoot('#cloud-config\nuser: me\n')));
    await t.ready('vm/web');
    const guest = guestNamed(t.pve, 'web');
    const drives = () =>
      volumes(t.pve).filter(({ name, vmid }) => name.includes('cloudinit') && vmid === guest.vmid);
    expect(drives()).toHaveLength(1);
    const { running } = guest;
    await t.apply(vm('web', nextBoot(NGINX)));
    await soon(() => expect(guest.get('ide2')).toContain('virtrigaud-'));
    expect(guest.running).toBe(running);
    expect(drives()).toEqual([]);
    await t.delete('vm/web');
    expectNothingLeft(t);
  });

  test.concurrent(
    'is deleted with the VM although a CD was inserted into its drive while the VM ran',
    async () => {
      const t = await tenant(lab.plane);
      await t.apply(vm('web'));
      await t.ready('vm/web');
      const guest = guestNamed(t.pve, 'web');
      const drive = guest.get('ide2');
      await soon(async () => expect((await t.vm('web')).status.internal).toHaveProperty('drive'));
      t.pve.outside.edit(guest.vmid, { ide2: 'cephfs:iso/rescue.iso,media=cdrom' });
      await t.patch('vm/web', { spec: { description: 'Read the guest.' } });
      await soon(async () =>
        expect((await t.vm('web')).status.internal).toMatchObject({ drive: { displaced: true } }),
      );
      t.pve.outside.edit(guest.vmid, { ide2: 'none,media=cdrom' });
      expect(drive).toContain('cloudinit');
      await t.delete('vm/web');
      expectNothingLeft(t);
    },
  );

  test.concurrent('that an earlier VM left behind costs a VM only its number', async () => {
    const t = await tenant(lab.plane);
    const leave = (vmid: number) => {
      const guest = t.pve.addGuest({ vmid, node: 'pve-2', config: { ide2: 'nvme-storage:cloudinit' } });
      t.pve.state.guests.delete(guest.vmid);
    };
    leave(100);
    leave(300);
    const left = orphans(t.pve);
    await t.apply(vm('web'), vm('fixed', { vmid: 300 }));
    await t.ready('vm/web');
    expect((await t.vm('web')).status.vmid).not.toBe(100);
    await soon(async () => {
      const { is, message } = condition(await t.vm('fixed'));
      expect(is).toBe('Ready=False VolumeLeftBehind');
      expect(message).toContain('--vmid 300');
    });
    // They are ours neither by number nor by name.
    expect(orphans(t.pve)).toEqual(left);
    await t.delete('vm/fixed');
    expect(orphans(t.pve)).toEqual(left);
  });
});
