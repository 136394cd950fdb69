/** The life of two VMs on older versions of Proxmox VE: native cloud-init and an image, changed, moved, restarted, deleted. */
import { expect, test } from '@jest/globals';
import { FEATURES, neededPrivileges } from '../../../src/pve/index.ts';
import { shippedCluster } from '../../fakepve/cluster-file.ts';
import { operatorAtWork } from '../harness/at-work.ts';
import { guestNamed, images, orphans, ownGuests, tasksDone } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { condition, tenant, userData, vm, vmClass, vmImage, type Tenant } from './tenant.ts';

/** The version of the nodes on which the VMs live, and of the node that answers, which has the template. */
const CLUSTERS = [
  ['7.0', '7.0'],
  ['7.4', '8.4'],
  ['8.4', '8.4'],
  ['9.2', '9.2'],
] as const;
const lab = operatorAtWork({ namespaces: CLUSTERS.length });

/** The demo cluster, where our token has the privileges that the documentation lists for the version that answers. */
function clusterOf(release: string, answering: (typeof CLUSTERS)[number][1]) {
  const needs = neededPrivileges({ major: Number.parseInt(answering, 10), features: FEATURES });
  const cluster = shippedCluster('document');
  const [first, ...others] = cluster.nodes;
  return {
    ...cluster,
    name: `of-${release}`,
    nodes: [{ ...first!, pve: answering }, ...others],
    roles: { VirtRigaud: needs.map(({ anyOf }) => anyOf[0]) },
  };
}

/** What PVE did not accept as it was sent; a number that is taken is an answer. */
const refused = ({ pve }: Tenant): readonly string[] =>
  pve.requests.flatMap(({ method, path, status }) =>
    [400, 403, 501].includes(status) && path !== '/cluster/nextid' ? [`${status} ${method} ${path}`] : [],
  );

async function inSync(t: Tenant, name: string, host: string): Promise<void> {
  await soon(async () => {
    const object = await t.vm(name);
    expect(object.status).toMatchObject({ node: host, phase: 'Running' });
    expect(condition(object, 'Synced').is).toBe('Synced=True InSync');
    expect(condition(object, 'GuestAgentConnected').is).toBe('GuestAgentConnected=True Connected');
  });
}

test.concurrent.each(CLUSTERS)(
  'VMs live on %s, where %s answers: no request is refused',
  async (release, answering) => {
    const t = await tenant(lab.plane, { pve: release, cluster: clusterOf(release, answering) });
    const hasTpm = release !== '7.0';
    const secure = { ...vmClass('secure').spec, spec: { bios: 'uefi', ...(hasTpm && { tpm: 'v2.0' }) } };
    await t.apply(
      { ...vmClass('secure'), spec: secure },
      { ...vmImage('plain'), spec: { source: 101 } },
      vm('native', {
        classRef: { name: 'secure' },
        imageRef: { name: 'plain' },
        networks: [{ name: 'lan' }],
        placement: { host: 'pve-3' },
      }),
      vm('image', {
        userData,
        disks: [{ name: 'data', size: '1Gi' }],
        tags: ['blue'],
        placement: { host: 'pve-3' },
      }),
    );
    await t.ready('vm/native', 'vm/image');
    const native = guestNamed(t.pve, 'native');
    expect(native.get('ciupgrade')).toBe(release.startsWith('7.') ? undefined : '0');
    expect(native.get('efidisk0')?.includes('efitype=4m')).toBe(hasTpm);
    expect(native.get('tpmstate0') !== undefined).toBe(hasTpm);

    const placement = { host: 'pve-2' };
    await t.patch('vm/native', {
      spec: { placement, disks: [{ name: 'root', size: '24Gi' }], onBoot: true },
    });
    await t.patch('vm/image', { spec: { placement, disks: [{ name: 'data', size: '2Gi' }] } });
    await inSync(t, 'native', 'pve-2');
    await inSync(t, 'image', 'pve-2');
    expect(native.get('scsi0')).toContain('size=24G');
    expect(guestNamed(t.pve, 'image').get('scsi1')).toContain('size=2G');
    await t.annotate('vm/native', { 'virtrigaud.io/restartedAt': new Date().toISOString() });
    await soon(() => expect(tasksDone(t.pve, 'qmshutdown')).toBe(1));
    await inSync(t, 'native', 'pve-2');

    await Promise.all([t.delete('vm/native'), t.delete('vm/image')]);
    expect([ownGuests(t.pve), images(t.pve), orphans(t.pve)]).toEqual([[], [], []]);
    expect(refused(t)).toEqual([]);
  },
);
