/** Where a VM comes from: copies of a template on other nodes, VMs that are no template, and what cloud-init gets. */
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { shippedCluster } from '../../fakepve/cluster-file.ts';
import { operatorAtWork } from '../harness/at-work.ts';
import { serve } from '../harness/downloads.ts';
import { diskImage } from '../../builders/disk-image.ts';
import { cloneRequests, guestNamed, ownGuests, seedFiles } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { bareTenant, condition, manifest, provider, tenant, vm, vmClass, vmImage } from './tenant.ts';

const lab = operatorAtWork({ namespaces: 8 });

test.concurrent('template-on-other-node: a VM is cloned to its node from where the template is', async () => {
  const t = await tenant(lab.plane);
  await t.apply(provider(t.pve, { nodeSelector: ['pve-3'] }));
  await t.ready('provider/pve');
  await t.apply(vm('web'));
  await t.ready('vm/web');
  expect(guestNamed(t.pve, 'web').node).toBe('pve-3');
  expect(cloneRequests(t.pve)).toMatchObject([
    { path: '/nodes/pve-1/qemu/9000/clone', params: { target: 'pve-3' } },
  ]);
});

test.concurrent(
  'linked-clone-of-plain-vm-falls-back: a VM that is no template is cloned in full',
  async () => {
    const t = await tenant(lab.plane);
    await t.apply({ ...vmImage('plain'), spec: { source: 101 } }, vm('web', { imageRef: { name: 'plain' } }));
    await t.ready('vm/web');
    expect((await t.vm('web')).status['cloneType']).toBe('Full');
    expect(cloneRequests(t.pve)).toMatchObject([
      { path: '/nodes/pve-1/qemu/101/clone', params: { full: '1' } },
    ]);
    expect(t.pve.state.guests.get(101)?.get('name')).toBe('template-vm');
  },
);

test.concurrent(
  'a VM is cloned from another VM that runs, and from a snapshot of it, once these exist',
  async () => {
    const t = await tenant(lab.plane);
    const copy = (name: string, cloneFrom: object) => vm(name, { imageRef: undefined, cloneFrom });
    await t.apply(copy('copy', { vmRef: { name: 'db' } }));
    await soon(async () => expect(condition(await t.vm('copy')).is).toBe('Ready=False VMNotFound'));
    await t.apply(vm('db'));
    await t.ready('vm/copy');
    expect((await t.vm('copy')).status).toMatchObject({
      cloneType: 'Full',
      placement: { template: (await t.vm('db')).status.vmid },
    });
    await t.apply(manifest('VMSnapshot', 'before', { vmRef: { name: 'db' } }));
    await t.apply(copy('earlier', { snapshotRef: { name: 'before' } }));
    await t.ready('vm/earlier');
    expect(guestNamed(t.pve, 'db').running).toBeDefined();
    const [, ofVm, ofSnapshot] = cloneRequests(t.pve);
    expect(ofVm?.params).not.toHaveProperty('snapname');
    expect(ofSnapshot?.params).toHaveProperty('snapname');
    // It is a linked clone, which the VM waits for.
    await t.delete('vm/earlier');
    await t.delete('vm/db');
    await t.ready('vm/copy');
  },
);

test.concurrent('two-templates-same-name-is-an-error-with-list: no template is chosen', async () => {
  const cluster = shippedCluster('document');
  const [template] = cluster.guests;
  const t = await tenant(lab.plane);
  t.pve.addGuest({ ...template!, vmid: 9001 });
  await t.apply(vm('web'));
  await soon(async () => {
    const { is, message } = condition(await t.vm('web'));
    expect(is).toBe('Ready=False TemplateAmbiguous');
    expect(message).toContain('9000 on pve-1, 9001 on pve-1');
  });
  expect(ownGuests(t.pve)).toEqual([]);
  t.pve.outside.rename(9001, 'another');
  await t.ready('vm/web');
});

test.concurrent('full-user-data-arrives: all of it, not only keys', async () => {
  const t = await tenant(lab.plane);
  t.pve.faults.add({ kind: 'agentSilent' }); // so that the image is not reported as consumed
  const inline = [
    '#cloud-config',
    'hostname: front',
    'packages: [nginx]',
    'runcmd: [[systemctl, enable, nginx]]',
    'write_files: [{ path: /etc/motd, content: "hello\\n" }]',
  ].join('\n');
  await t.apply(vm('web', { userData: { cloudInit: { inline } } }));
  await t.ready('vm/web');
  expect(parse(seedFiles(t.pve, guestNamed(t.pve, 'web'))['user-data'] ?? '')).toMatchObject({
    hostname: 'front',
    packages: ['nginx'],
    runcmd: [['systemctl', 'enable', 'nginx']],
    write_files: [{ path: '/etc/motd', content: 'hello\n' }],
  });
});

test.concurrent(
  'a namespace that may use a Provider gets no guest, disk or snippet of others unless it is granted',
  async () => {
    const owner = await tenant(lab.plane);
    const t = await bareTenant(lab.plane);
    const providerRef = { name: 'pve', namespace: owner.namespace };
    await owner.annotate('provider/pve', { 'virtrigaud.io/allow-from': t.namespace });
    owner.pve.addGuest({ vmid: 150, node: 'pve-1', config: { name: 'victim', scsi0: 'nvme-storage:1' } });
    const victim = owner.pve.state.guests.get(150)!;
    const before = [...victim.config];
    await t.apply(
      vmClass(),
      vmImage(),
      { ...vmImage('victim'), spec: { source: 150 } },
      vm('clones', { providerRef, imageRef: { name: 'victim' } }),
      vm('imports', { providerRef, disks: [{ name: 'loot', importFrom: 'nvme-storage:vm-150-disk-0' }] }),
      vm('reads', { providerRef, userData: { cloudInit: { snippet: 'local:snippets/secret.yaml' } } }),
      manifest('VirtualMachine', 'adopts', {
        providerRef,
        classRef: { name: 'small' },
        adopt: { vmid: 150 },
        deletionPolicy: 'Delete',
      }),
      vm('web', { providerRef }),
    );
    await t.ready('vm/web');
    await soon(async () => {
      expect(condition(await t.vm('clones')).is).toBe('Ready=False TemplateNotFound');
      expect(condition(await t.vm('imports')).is).toBe('Ready=False NotGranted');
      expect(condition(await t.vm('reads')).is).toBe('Ready=False NotGranted');
      expect(condition(await t.vm('adopts')).is).toBe('Ready=False AdoptedVMNotFound');
      expect(condition(await t.find('vmimages', 'victim')).is).toBe('Ready=False TemplateNotFound');
    });
    await t.delete('vm/adopts');
    expect([...victim.config]).toEqual(before);
    expect(ownGuests(owner.pve).map((guest) => guest.get('name'))).toEqual(['web']);
    const grant = {
      namespaces: { names: [t.namespace] },
      sources: [{ vmIdRange: { start: 150, end: 150 } }],
    };
    await owner.patch('provider/pve', { spec: { grants: [grant] } });
    await t.ready('vm/clones');
  },
);

test.concurrent('VMs that wait for an image cause one download, and are made of its template', async () => {
  const { url, checksum, requests, cluster } = await serve(diskImage, (end) => lab.plane.defer(end));
  const t = await tenant(lab.plane, { cluster });
  await t.apply(
    manifest('VMImage', 'cloud', {
      download: {
        url: `${url}/debian-13.img`,
        checksum,
      },
      template: { bios: 'uefi' },
    }),
  );
  const names = ['a', 'b', 'c'];
  await t.apply(...names.map((name) => vm(name, { imageRef: { name: 'cloud' } })));
  await t.ready(...names.map((name) => `vm/${name}`));
  await soon(async () => {
    const image = await t.find('vmimages', 'cloud');
    expect(image?.status['templates']).toMatchObject([{ state: 'Ready', provider: `${t.namespace}/pve` }]);
    expect(image?.status['downloads']).toBeUndefined();
  });
  expect(requests()).toBe(1);
  expect(
    ownGuests(t.pve)
      .map((guest) => guest.get('name'))
      .toSorted(),
  ).toEqual(names);
  const template = [...t.pve.state.guests.values()].find((guest) => guest.get('name') === 'cloud')!;
  expect(template.get('template')).toBe('1');
  expect(template.get('bios')).toBe('ovmf');
  const left = ['pve-1', 'pve-2', 'pve-3'].flatMap((node) =>
    t.pve.state.storage
      .list(t.pve.state.storage.get('local'), node)
      .filter(({ content }) => content === 'import'),
  );
  expect(left).toEqual([]);
  // The template goes with the image, which goes with the last VM, and with no linked clone left.
  await t.requestDeletion('vmimage/cloud');
  for (const name of names) await t.requestDeletion(`vm/${name}`);
  await t.gone('vmimage/cloud');
  expect(t.pve.state.guests.get(template.vmid)).toBeUndefined();
});
