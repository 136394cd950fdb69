/** VMs that are made without a template: from an ISO image, whose drive is emptied afterwards, and from the network. */
import { expect, test } from '@jest/globals';
import { operatorAtWork } from '../harness/at-work.ts';
import { serve } from '../harness/downloads.ts';
import { changes, guestNamed, ownGuests } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { condition, manifest, tenant, vm } from './tenant.ts';

const lab = operatorAtWork({ namespaces: 2 });

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

test('two VMs are installed from an ISO image that is downloaded once, and it is deleted after them', async () => {
  const file = Buffer.from('an ISO image');
  const { url, checksum, requests, cluster } = await serve(file, (end) => lab.plane.defer(end));
  const t = await tenant(lab.plane, { cluster });
  const names = ['first', 'second'];
  await t.apply(manifest('VMImage', 'netinst', { download: { url: `${url}/Debian-13.ISO`, checksum } }));
  await soon(async () =>
    expect(condition(await t.find('vmimages', 'netinst')).is).toBe('Ready=True OnDemand'),
  );
  await t.apply(
    ...names.map((name) =>
      empty(name, {
        cdroms: [{ name: 'cd', imageRef: { name: 'netinst' } }],
        boot: [{ disk: 'root' }, { cdrom: 'cd' }],
      }),
    ),
  );
  await t.ready(...names.map((name) => `vm/${name}`), 'vmimage/netinst');
  const isos = () =>
    t.pve.state.storage
      .list(t.pve.state.storage.get('cephfs'), 'pve-1')
      .flatMap(({ name }) => (name.includes('Debian-13') ? [`cephfs:${name}`] : []));
  const [iso = ''] = isos();
  expect(iso).toMatch(/^cephfs:iso\/virtrigaud-[0-9a-f]{12}-[0-9a-f]{8}-Debian-13\.iso$/);
  for (const name of names) expect(guestNamed(t.pve, name).get('ide0')).toContain(`${iso},media=cdrom`);
  expect(requests()).toBe(1);
  await t.requestDeletion('vmimage/netinst');
  await soon(async () =>
    expect(condition(await t.find('vmimages', 'netinst')).message).toContain('In use by'),
  );
  expect(isos()).toEqual([iso]);
  for (const name of names) await t.requestDeletion(`vm/${name}`);
  await t.gone('vmimage/netinst');
  expect(isos()).toEqual([]);
});
