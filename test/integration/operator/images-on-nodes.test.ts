/** Templates of a downloaded image: one for all nodes on shared storage, one for each node that needs it otherwise. */
import { expect, test } from '@jest/globals';
import type { shippedCluster } from '../../fakepve/cluster-file.ts';
import { diskImage } from '../../builders/disk-image.ts';
import { serve } from '../harness/downloads.ts';
import { operatorAtWork } from '../harness/at-work.ts';
import { cloneRequests, ownGuests, tasksDone, volumes, type FakePve } from '../harness/pve.ts';
import type { Manifest } from '../harness/kube-api.ts';
import { soon } from '../harness/soon.ts';
import { manifest, tenant, type Tenant, vm } from './tenant.ts';

const control = operatorAtWork({ namespaces: 5 });

const NODES = ['pve-1', 'pve-2', 'pve-3'];
const LOCAL = { template: { storages: ['local-lvm'] } };

type Cluster = ReturnType<typeof shippedCluster>;

interface Lab {
  readonly t: Tenant;
  readonly requests: () => number;
  readonly image: (spec: object, download?: object) => Manifest;
}

async function lab(storages: Cluster['storages'] = []): Promise<Lab> {
  const { url, checksum, requests, cluster } = await serve(diskImage, (end) => control.plane.defer(end));
  const t = await tenant(control.plane, {
    cluster: { ...cluster, storages: [...cluster.storages, ...storages] },
  });
  const image: Lab['image'] = (spec, download = {}) =>
    manifest('VMImage', 'cloud', {
      download: { url: `${url}/debian-13.qcow2`, checksum, ...download },
      ...spec,
    });
  return { t, requests, image };
}

const web = (name: string, spec: object = {}) => vm(name, { imageRef: { name: 'cloud' }, ...spec });
const on = (host: string | undefined) => ({ placement: { host } });

const templates = ({ state }: FakePve) =>
  [...state.guests.values()].filter((guest) => guest.get('name') === 'cloud');
const nodesOf = (guests: readonly { readonly node: string }[]): readonly string[] =>
  guests.map(({ node }) => node).toSorted();
const files = (pve: FakePve): readonly string[] =>
  volumes(pve).flatMap(({ content, volid }) => (content === 'import' ? [volid] : []));

async function removeAll(t: Tenant): Promise<void> {
  await t.requestDeletion('vmimage/cloud');
  await t.requestDeletionOfVms();
  await t.gone('vmimage/cloud');
  expect([...t.pve.state.guests.values()].map((guest) => guest.get('name'))).toEqual(
    expect.not.arrayContaining(['cloud']),
  );
  expect(ownGuests(t.pve)).toEqual([]);
  expect(files(t.pve)).toEqual([]);
}

test.concurrent(
  'twenty VMs on three nodes with local storage cause one download, and one template, for each node',
  async () => {
    const { t, requests, image } = await lab();
    await t.apply(image(LOCAL));
    const names = Array.from({ length: 20 }, (_, n) => `web-${n}`);
    await t.apply(...names.map((name, n) => web(name, on(NODES[n % 3]))));
    await t.ready(...names.map((name) => `vm/${name}`));
    await t.ready('vmimage/cloud');
    expect(requests()).toBe(3);
    expect(tasksDone(t.pve, 'download')).toBe(3);
    expect(nodesOf(templates(t.pve))).toEqual(NODES);
    // Linked clones, each of the template of its own node, and none is moved.
    const own = new Map(templates(t.pve).map(({ node, vmid }) => [node, vmid]));
    for (const { path, params } of cloneRequests(t.pve)) {
      const [, node = '', vmid] = /^\/nodes\/([^/]+)\/qemu\/(\d+)\/clone$/.exec(path) ?? [];
      expect(Number(vmid)).toBe(own.get(node));
      expect(params).not.toHaveProperty('full', '1');
    }
    expect(tasksDone(t.pve, 'qmigrate')).toBe(0);
    const { status } = (await t.find('vmimages', 'cloud'))!;
    expect(status['templates']).toHaveLength(3);
    await soon(async () => {
      expect((await t.find('vmimages', 'cloud'))?.status['downloads']).toBeUndefined();
      expect(files(t.pve)).toEqual([]);
    });
    await removeAll(t);
  },
);

test.concurrent('another node gets a template once no node with one takes a VM, and not before', async () => {
  const { t, requests, image } = await lab();
  await t.apply(image(LOCAL), manifest('VMPlacementPolicy', 'apart', { constraints: { maxVMsPerNode: 3 } }));
  await t.apply(web('a'), web('b'));
  await t.ready('vm/a', 'vm/b', 'vmimage/cloud');
  expect(requests()).toBe(1);
  const [first] = templates(t.pve);
  expect(nodesOf(ownGuests(t.pve))).toEqual([first!.node, first!.node]);
  // The first node has three guests: its template, and these.
  await t.apply(web('c', { placementRef: { name: 'apart' } }));
  await t.ready('vm/c', 'vmimage/cloud');
  expect(requests()).toBe(2);
  const [one, other] = templates(t.pve).map(({ node }) => node);
  expect(one).not.toBe(other);
  expect((await t.vm('c')).status.node).not.toBe(first!.node);
  expect(tasksDone(t.pve, 'qmigrate')).toBe(0);
  await removeAll(t);
});

test.concurrent('on shared storage one template serves VMs of all nodes', async () => {
  const { t, requests, image } = await lab();
  await t.apply(image({ template: { storages: ['nvme-storage'] } }, { replicate: 'All' }));
  await t.apply(...NODES.map((node) => web(`on-${node}`, on(node))));
  await t.ready(...NODES.map((node) => `vm/on-${node}`), 'vmimage/cloud');
  expect(requests()).toBe(1);
  expect(templates(t.pve)).toHaveLength(1);
  expect(nodesOf(ownGuests(t.pve))).toEqual(NODES);
  await removeAll(t);
});

test.concurrent('a file on shared storage is downloaded once for the templates of all nodes', async () => {
  const shared = {
    id: 'share',
    type: 'nfs',
    path: '/mnt/pve/share',
    content: ['import'],
    shared: true,
    size: 2 ** 40,
    snapshotsAsVolumeChain: false,
  };
  const { t, requests, image } = await lab([shared]);
  const download = { replicate: 'All', providerRefs: [{ name: 'pve' }], storages: ['share'] };
  await t.apply(image(LOCAL, download));
  await t.ready('vmimage/cloud');
  expect(nodesOf(templates(t.pve))).toEqual(NODES);
  expect(requests()).toBe(1);
  await soon(() => expect(files(t.pve)).toEqual([]));
  await removeAll(t);
});

test.concurrent('replicate: All makes one on each node without any VM', async () => {
  const { t, requests, image } = await lab();
  await t.apply(image(LOCAL, { replicate: 'All', providerRefs: [{ name: 'pve' }] }));
  await t.ready('vmimage/cloud');
  expect(nodesOf(templates(t.pve))).toEqual(NODES);
  expect(requests()).toBe(3);
  await removeAll(t);
});
