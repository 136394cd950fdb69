/** Where a VM comes from: copies of a template on other nodes, VMs that are no template, and what cloud-init gets. */
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { shippedCluster } from '../../fakepve/cluster-file.ts';
import { operatorAtWork } from '../harness/at-work.ts';
import { cloneRequests, guestNamed, ownGuests, seedFiles } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { condition, provider, tenant, vm, vmImage } from './tenant.ts';

const lab = operatorAtWork({ namespaces: 4 });

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
