/** VMs that are made without a template: from an ISO image, whose drive is emptied afterwards, and from the network. */
import { expect, test } from '@jest/globals';
import { operatorAtWork } from '../harness/at-work.ts';
import { changes, guestNamed, ownGuests } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { condition, manifest, tenant, vm } from './tenant.ts';

const lab = operatorAtWork({ namespaces: 1 });

const ISO = 'cephfs:iso/debian-12.iso';
const empty = (name: string, spec: object) =>
  vm(name, {
    imageRef: undefined,
    networks: [{ name: 'lan' }],
    disks: [{ name: 'root', size: '20Gi', storageClass: 'nvme-storage' }],
    ...spec,
  });

test('a VM is installed from an ISO image, which is ejected while it runs, and another one from the network', async () => {
  const t = await tenant(lab.plane);
  await t.apply(
    manifest('VMImage', 'debian', { source: ISO }),
    manifest('VMImage', 'missing', { source: 'cephfs:iso/none.iso' }),
    empty('install', {
      cdroms: [{ name: 'cd', imageRef: { name: 'debian' } }],
      boot: [{ disk: 'root' }, { cdrom: 'cd' }, { network: 'lan' }],
    }),
    manifest('VMClass', 'uefi', {
      cpus: 2,
      memory: '2Gi',
      spec: { machine: 'q35', bios: 'uefi', tpm: 'v2.0' },
    }),
    empty('pxe', {
      classRef: { name: 'uefi' },
      networks: [{ name: 'lan', staticIP: { address: '192.168.1.50/24', gateway: '192.168.1.1' } }],
      boot: [{ network: 'lan' }, { disk: 'root' }],
    }),
    empty('never', { cdroms: [{ name: 'cd', imageRef: { name: 'missing' } }], boot: [{ cdrom: 'cd' }] }),
  );
  await t.ready('vm/install', 'vm/pxe', 'vmimage/debian');
  const install = guestNamed(t.pve, 'install');
  expect(Object.fromEntries(install.config)).toMatchObject({
    scsi0: expect.stringMatching(/^nvme-storage:vm-\d+-disk-0,.*size=20G/),
    ide0: expect.stringContaining(`${ISO},media=cdrom`),
    boot: 'order=scsi0;ide0;net0',
  });
  const pxe = guestNamed(t.pve, 'pxe');
  expect(Object.fromEntries(pxe.config)).toMatchObject({
    bios: 'ovmf',
    efidisk0: expect.stringMatching(/^nvme-storage:vm-\d+-disk-\d/),
    tpmstate0: expect.stringMatching(/^nvme-storage:vm-\d+-disk-\d/),
    ide2: expect.stringContaining('cloudinit'),
    ipconfig0: 'ip=192.168.1.50/24,gw=192.168.1.1',
    boot: 'order=net0;scsi0',
  });
  for (const name of ['install', 'pxe'])
    expect((await t.vm(name)).status).toMatchObject({ phase: 'Running', cloneType: 'None' });
  const created = changes(t.pve).filter(({ path }) => path.endsWith('/qemu'));
  expect(created.map(({ params }) => params['name']).toSorted()).toEqual(['install', 'pxe']);

  const pid = install.running?.pid;
  await t.patch('vm/install', { spec: { cdroms: null } });
  await t.ready('vm/install');
  expect(install.get('ide0')).toBe('none,media=cdrom');
  expect(install.pending.size).toBe(0);
  expect(install.running?.pid).toBe(pid);
  expect(condition(await t.vm('install'), 'Synced').is).toBe('Synced=True InSync');
  expect(condition(await t.vm('install'), 'FieldsIgnored').message).toContain('the CD-ROM drive cd');

  await soon(async () =>
    expect(condition(await t.vm('never'))).toMatchObject({
      is: 'Ready=False IsoNotFound',
      message: expect.stringContaining('has no cephfs:iso/none.iso'),
    }),
  );
  expect((await t.vm('never')).status.vmid).toBeUndefined();
  await Promise.all(['install', 'pxe', 'never'].map((name) => t.delete(`vm/${name}`)));
  expect(ownGuests(t.pve)).toEqual([]);
});
