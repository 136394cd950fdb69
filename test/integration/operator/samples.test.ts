/** What the samples promise: every manifest of deploy/samples, applied as a user applies it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { samples } from '../../../hack/demo/samples.ts';
import {
  type OperatorPlane,
  type RunningOperator,
  startOperator,
  startOperatorPlane,
} from '../harness/operator.ts';
import { diskImage } from '../../builders/disk-image.ts';
import { clusterWithDownloads, serveImage, type ImageServer } from '../../builders/image-server.ts';
import { type FakePve, guestNamed, images, orphans, ownGuests, seedFiles, startPve } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { condition, readList, type Stored, TOKEN } from './tenant.ts';

const KINDS = 'vm,providers,vmclasses,vmimages,vmsnapshotschedules,vmsnapshots,vmclones,vmplacementpolicies';
const CLONES = ['web-clone', 'web-clone-full'];
const VMS = ['web-server', 'multi-nic-vm', 'netplan-vm', 'debian-install', 'debian-server', ...CLONES];

let plane: OperatorPlane;
let pve: FakePve;
let server: ImageServer;
let operator: RunningOperator;

const applyAll = async (afterEach?: (file: string) => Promise<void>) => {
  for (const { file, text } of await samples({ endpoint: pve.url, images: server.url })) {
    await plane.succeed(['apply', '-f', '-'], { input: text });
    await afterEach?.(file);
  }
};
/** Before the Providers: with another CA they would connect once more, at a moment that no test knows. */
const trustFake = async (file: string) => {
  if (!file.startsWith('01-')) return;
  const patch = JSON.stringify({ stringData: { 'ca.crt': pve.ca } });
  await plane.succeed(['patch', 'secret', 'pve-credentials', '--type=merge', '-p', patch]);
};
const get = async (kinds: string): Promise<readonly Stored[]> =>
  readList(await plane.succeed(['get', kinds, '-o', 'json']));
const one = async (kind: string, name: string): Promise<Stored> => {
  const found = (await get(kind)).find(({ metadata }) => metadata.name === name);
  if (!found) throw new Error(`there is no ${kind} ${name}`);
  return found;
};

beforeAll(async () => {
  [plane, pve, server] = await Promise.all([
    startOperatorPlane(),
    startPve({ cluster: clusterWithDownloads() }),
    serveImage(diskImage),
  ]);
  operator = await startOperator(plane, {
    // As the Deployment passes on the Secret of 03-credentials-env-keys.yaml.
    pve: {
      PVE_ENDPOINT: `${pve.url}/api2`,
      PVE_TOKEN_ID: TOKEN.token_id,
      PVE_TOKEN_SECRET: TOKEN.token_secret,
      PVE_CA_BUNDLE: pve.ca,
    },
  });
  await applyAll(trustFake);
  await plane.succeed([
    'wait',
    '--for=condition=Ready',
    '--timeout=180s',
    'vm,vmsnapshots,vmclones',
    '--all',
  ]);
  for (const name of VMS)
    await plane.succeed([
      ...['wait', `vm/${name}`, '--for=jsonpath={.status.ipAddresses[0]}', '--timeout=180s'],
    ]);
});
afterAll(async () => {
  await operator.stop();
  await pve.close();
  await server.close();
  await plane.stop();
});

describe('the samples', () => {
  test('give one guest for each VirtualMachine, running where that is desired', async () => {
    const vms = await get('vm');
    expect(ownGuests(pve)).toHaveLength(vms.length);
    for (const { metadata, status } of vms) {
      const guest = guestNamed(pve, metadata.name);
      const on = VMS.includes(metadata.name);
      expect(guest.running !== undefined).toBe(on);
      expect(status).toMatchObject({
        phase: on ? 'Running' : 'Stopped',
        vmid: guest.vmid,
        node: guest.node,
        internal: { uuid: metadata.uid },
      });
      expect(guest.get('smbios1')).toContain(metadata.uid);
    }
  });

  test('size web-server, put it on the bridge of its network and hand it its user-data', () => {
    const guest = guestNamed(pve, 'web-server');
    expect(guest.get('vcpus')).toBe('2');
    expect(guest.get('memory')).toMatch(/^(current=)?4096$/);
    expect(guest.get('machine')).toMatch(/q35/);
    expect(guest.get('bios')).toBe('ovmf');
    expect(guest.get('net0')).toMatch(/bridge=vmbr0/);
    expect(guest.get('scsi0')).toMatch(/size=40G/);
    expect(guest.get('tags')).toBeUndefined();
    const files = seedFiles(pve, guest);
    expect(files['user-data']).toMatch(/^#cloud-config\n/);
    expect(files['user-data']).toMatch(/packages:\s+- nginx/);
    expect(files['user-data']).toContain('hostname: web-server');
    expect(files['meta-data']).toContain(guest.get('smbios1')?.split('uuid=')[1]?.split(',')[0]);
  });

  test('give multi-nic-vm its bridges, VLAN, MAC and addresses', async () => {
    const guest = guestNamed(pve, 'multi-nic-vm');
    expect(guest.get('net0')).toMatch(/bridge=vmbr0/);
    expect(guest.get('net0')).not.toMatch(/tag=/);
    expect(guest.get('net1')).toMatch(/bridge=vmbr1.*tag=100|tag=100.*bridge=vmbr1/);
    expect(guest.get('net2')).toMatch(/02:00:00:AA:BB:CC.*bridge=vmbr2/);
    expect(guest.get('net3')).toBeUndefined();
    expect(guest.get('ipconfig0')).toBe('ip=192.168.1.100/24,gw=192.168.1.1');
    expect(guest.get('ipconfig1')).toBe('ip=10.0.100.50/24');
    expect(guest.get('ipconfig2')).toBe('ip=dhcp');
    expect(guest.get('nameserver')).toBe('8.8.8.8 1.1.1.1');
    await soon(async () => {
      const { ipAddresses } = (await one('vm', 'multi-nic-vm')).status;
      expect(ipAddresses).toEqual(expect.arrayContaining(['192.168.1.100', '10.0.100.50']));
      expect(ipAddresses.some((address) => address.startsWith('10.20.'))).toBe(true);
    });
  });

  test('take the snapshot of web-server with its memory', async () => {
    const { snapshots } = guestNamed(pve, 'web-server');
    expect([...snapshots.keys()]).toEqual(['before-upgrade']);
    expect((await one('vmsnapshot', 'before-upgrade')).status).toMatchObject({
      readyToUse: true,
      memory: true,
    });
  });

  test('clone template-vm, which is no template in Proxmox VE, in full, and say why', async () => {
    const source = guestNamed(pve, 'template-vm');
    for (const name of CLONES) {
      const guest = guestNamed(pve, name);
      expect(guest.get('vcpus')).toBe(source.get('vcpus'));
      const { status } = await one('vmclone', name);
      expect(status).toMatchObject({ vmid: guest.vmid, cloneType: 'Full', targetRef: { name } });
      expect(condition(await one('vmclone', name)).is).toBe('Ready=True Reconciled');
    }
    expect((await one('vmclone', 'web-clone')).status).toMatchObject({
      cloneTypeReason: expect.stringMatching(/template/),
    });
  });

  test('download one image for debian-server, and show where each image comes from', async () => {
    expect(server.requests()).toBe(1);
    expect(guestNamed(pve, 'debian-server').get('scsi0')).toMatch(/size=2G/);
    const shown = (await plane.succeed(['get', 'vmimages', '--no-headers']))
      .split('\n')
      .map((line) => line.trim());
    expect(shown).toContainEqual(expect.stringMatching(/^ubuntu-22 +ubuntu-22-template +True/));
    expect(shown).toContainEqual(
      expect.stringMatching(RegExp(`^debian-13 +${server.url}/debian-13-genericcloud-amd64.qcow2 +True`)),
    );
  });

  test('carry the file that netplan-vm writes to its image', () => {
    const files = seedFiles(pve, guestNamed(pve, 'netplan-vm'));
    expect(files['user-data']).toContain('path: /etc/netplan/01-static.yaml');
    expect(files['user-data']).toContain('addresses: [192.168.1.100/24]');
  });

  test('show the version, nodes and storages of the cluster on every Provider', async () => {
    await plane.succeed(['wait', 'provider', '--all', '--for=condition=Ready', '--timeout=180s']);
    const providers = await get('provider');
    expect(providers.map(({ metadata }) => metadata.name)).toEqual([
      'proxmox-cluster',
      'proxmox-dev',
      'proxmox-prod',
    ]);
    for (const { status } of providers)
      expect(status).toMatchObject({
        healthy: true,
        version: expect.stringMatching(/^\d+\.\d+/),
        clusterName: 'demo',
        nodeCount: 3,
        nodes: ['pve-1', 'pve-2', 'pve-3'].map((name) => ({ name, status: 'online' })),
        storageCount: 5,
        storages: expect.arrayContaining([
          { name: 'nvme-storage', type: 'rbd', shared: true, status: 'available' },
        ]),
      });
  });

  test('have a policy that no VM uses yet, and whose nodes this cluster does not have', async () => {
    const policy = await one('vmplacementpolicy', 'production-placement');
    expect(condition(policy).is).toBe('Ready=False NodeNotFound');
    expect(condition(policy).message).toContain('names pve-node-1, pve-node-2, which no cluster');
    expect(policy.status).toMatchObject({ users: 0, violationCount: 0 });
  });

  test('change nothing when they are applied once more', async () => {
    const versions = async () =>
      new Map(
        (await get(KINDS)).map(({ kind = '', metadata }) => [
          `${kind}/${metadata.name}`,
          { generation: metadata.generation, version: metadata.resourceVersion },
        ]),
      );
    const before = await versions();
    const asked = pve.requests.length;
    await applyAll();
    await sleep(10_000);
    expect(await versions()).toEqual(before);
    // For a while after a boot the guest agent is asked for addresses that come late.
    const others = pve.requests
      .slice(asked)
      .filter(({ method, path }) => method !== 'GET' || !/^\/cluster\/|\/agent\//.test(path))
      .map(({ method, path }) => `${method} ${path}`);
    expect(others).toEqual([]);
  });

  test('leave nothing behind when they are deleted', async () => {
    await plane.succeed(['delete', KINDS, '--all', '--timeout=180s']);
    expect(ownGuests(pve)).toEqual([]);
    expect(images(pve)).toEqual([]);
    expect(orphans(pve)).toEqual([]);
  });
});
