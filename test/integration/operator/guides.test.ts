/** Guides, step by step: with the manifests of the page, and what it says of Proxmox VE after each step. */
import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { shippedCluster } from '../../fakepve/cluster-file.ts';
import { docYaml } from '../../fixtures/doc-yaml.ts';
import { operatorAtWork } from '../harness/at-work.ts';
import { guestNamed, images, ownGuests, seedFiles } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { bareTenant, condition, credentials, provider, type Tenant } from './tenant.ts';

const lab = operatorAtWork({ namespaces: 1 });

const Manifest = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.object({ name: z.string() }),
});
/** The objects of each block of the page, in their order. */
const blocksOf = (page: string) =>
  docYaml([page])
    .filter(({ form }) => form === 'objects')
    .map(({ documents }) => z.array(Manifest).parse(documents));

/** With what the page takes for granted: a storage of Ceph, and two ISO images. */
function cluster(name: string) {
  const document = shippedCluster('document');
  return {
    ...document,
    name,
    storages: [
      ...document.storages,
      { id: 'ceph-ssd', type: 'rbd', content: ['images'], shared: true, size: '4T' },
    ],
    files: [
      { volume: 'cephfs:iso/windows-server-2025.iso', size: '6G' },
      { volume: 'cephfs:iso/virtio-win.iso', size: '700M' },
    ],
  };
}

const isOf = async (t: Tenant, name: string, type?: string): Promise<string> =>
  condition(await t.vm(name), type).is;

test('Windows: from the ISO image by way of a template to VMs with their data', async () => {
  const t = await bareTenant(lab.plane, { cluster: cluster('windows') });
  const [windowsClass = [], installation = [], vm = []] = blocksOf('docs/guides/windows.md');
  const name = 'windows-2025-template';
  await t.apply(credentials(t.pve), provider(t.pve, {}, 'proxmox-prod'), ...windowsClass, ...installation);
  await t.ready(`vm/${name}`);
  const guest = guestNamed(t.pve, name);
  expect(Object.fromEntries(guest.config)).toMatchObject({
    bios: 'ovmf',
    machine: expect.stringMatching(/q35/) as unknown,
    ostype: 'win11',
    scsihw: 'virtio-scsi-single',
    efidisk0: expect.stringContaining('pre-enrolled-keys=1') as unknown,
    tpmstate0: expect.stringContaining('version=v2.0') as unknown,
    boot: expect.stringMatching(/^order=scsi0;ide0/) as unknown,
  });
  const cds = () => [...guest.config.values()].filter((value) => value.includes('.iso')).toSorted();
  expect(cds()).toEqual([
    expect.stringContaining('cephfs:iso/virtio-win.iso'),
    expect.stringContaining('cephfs:iso/windows-server-2025.iso'),
  ]);

  // Sysprep switches it off, and nobody starts it again.
  await t.patch(`vm/${name}`, { spec: { managementPolicy: 'ObserveOnly' } });
  await soon(async () => expect(await isOf(t, name, 'Synced')).toMatch(/ ObserveOnly$/));
  t.pve.outside.stop(guest.vmid);
  await soon(async () => expect((await t.vm(name)).status.powerState).toBe('Off'));
  expect(guest.running).toBeUndefined();

  await t.patch(`vm/${name}`, { spec: { managementPolicy: 'Full', powerState: 'Off', cdroms: null } });
  await t.ready(`vm/${name}`);
  await soon(() => expect(cds()).toEqual([]));
  expect((await t.vm(name)).status.phase).toBe('Stopped');
  await t.delete(`vm/${name}`);
  await t.delete('vmimage/windows-2025-iso');
  expect(ownGuests(t.pve)).toEqual([]);
  expect(t.pve.state.guests.has(guest.vmid)).toBe(true);

  t.pve.outside.convertToTemplate(guest.vmid);
  await t.apply(...vm);
  await t.ready('vm/iis-1');
  const made = guestNamed(t.pve, 'iis-1');
  expect(made.get('scsi0')).toMatch(/size=100G/);
  expect(made.get('tpmstate0')).toBeDefined();
  const files = seedFiles(t.pve, made);
  expect(files['openstack/latest/user_data']).toMatch(/^#ps1_sysnative\n/);
  expect(files['openstack/latest/meta_data.json']).toContain('change-Me-1');
  expect(files['openstack/latest/network_data.json']).toContain('192.168.1.70');
  // The agent answers, and the image stays.
  await soon(async () =>
    expect(await isOf(t, 'iis-1', 'GuestAgentConnected')).toBe('GuestAgentConnected=True Connected'),
  );
  await t.lookAgain('iis-1');
  await t.ready('vm/iis-1');
  expect(images(t.pve)).toHaveLength(1);
  await t.delete('vm/iis-1');
  expect(images(t.pve)).toEqual([]);
});
