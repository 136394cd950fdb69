/** Where VMs are placed and how they get there: many at once, on clusters whose storages differ. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { shippedCluster } from '../../fakepve/cluster-file.ts';
import type { FakePveOptions } from '../../fakepve/index.ts';
import { operatorAtWork } from '../harness/at-work.ts';
import { cloneRequests, type FakePve, guestNamed, orphans, ownGuests, tasksDone } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { condition, manifest, tenant, userData, vm } from './tenant.ts';

const lab = operatorAtWork({ namespaces: 15 });

const template = (vmid: number, node: string, config: Readonly<Record<string, string>> = {}) => ({
  vmid,
  node,
  template: true,
  config: {
    name: 'ubuntu-22-template',
    scsi0: 'local-lvm:10',
    ide2: 'local-lvm:cloudinit',
    net0: 'virtio,bridge=vmbr0',
    boot: 'order=scsi0',
    ...config,
  },
});

/** Three nodes that share nothing. */
const localCluster = (...templates: readonly ReturnType<typeof template>[]) => ({
  ...shippedCluster('document'),
  name: `local-${randomBytes(4).toString('hex')}`,
  storages: [
    { id: 'local', type: 'dir', path: '/var/lib/vz', content: ['iso'], size: '100G' },
    { id: 'local-lvm', type: 'lvmthin', content: ['images'], size: '100G' },
    { id: 'fast', type: 'lvmthin', content: ['images'], size: '100G', nodes: ['pve-3'] },
  ],
  files: [],
  guests: [...templates],
});
const onPve1 = (options: FakePveOptions = {}): FakePveOptions => ({
  cluster: localCluster(template(9001, 'pve-1')),
  ...options,
});
const onEachNode = (): FakePveOptions => ({
  cluster: localCluster(template(9001, 'pve-1'), template(9002, 'pve-2'), template(9003, 'pve-3')),
});

const names = (count: number) => Array.from({ length: count }, (_, n) => `web-${n}`);
const nodesOf = (pve: FakePve) =>
  Object.fromEntries(
    ['pve-1', 'pve-2', 'pve-3'].map((node) => [
      node,
      ownGuests(pve).filter((guest) => guest.node === node).length,
    ]),
  );
/** Takes space on one node's part of a storage. */
const fill = (pve: FakePve, node: string, gib: number, vmid: number): void =>
  void pve.addGuest({ vmid, node, config: { name: 'big', scsi0: `local-lvm:${gib}` } });

describe('VMs that are applied at once', () => {
  test.concurrent('spread evenly over the nodes', async () => {
    const t = await tenant(lab.plane);
    await t.apply(...names(12).map((name) => vm(name)));
    await t.ready(...names(12).map((name) => `vm/${name}`));
    expect(nodesOf(t.pve)).toEqual({ 'pve-1': 4, 'pve-2': 4, 'pve-3': 4 });
    const { message } = condition(await t.vm('web-0'), 'Placed');
    expect(message).toMatch(
      /^The VM is on node pve-\d, its root disk on storage nvme-storage, made as a linked clone of 9000\.$/,
    );
  });

  test.concurrent('keep off a node whose storage is full', async () => {
    const t = await tenant(lab.plane, onEachNode());
    fill(t.pve, 'pve-1', 95, 500);
    await t.apply(...names(6).map((name) => vm(name)));
    // The templates take ten of the hundred; the linked clones next to nothing.
    await t.ready(...names(6).map((name) => `vm/${name}`));
    expect(nodesOf(t.pve)).toEqual({ 'pve-1': 0, 'pve-2': 3, 'pve-3': 3 });
  });

  test.concurrent('are fully cloned two at a time for a storage, and hold up no other', async () => {
    const t = await tenant(lab.plane, { latency: { scale: 0.1, cloneFull: 100_000 } });
    const onto = (storageClass: string) => ({ disks: [{ name: 'root', size: '20Gi', storageClass }] });
    await t.apply(...names(5).map((name) => vm(name, onto('ssd-storage'))));
    const clones = () => t.pve.state.tasks.active().filter(({ type }) => type === 'qmclone').length;
    let most = 0;
    const watching = setInterval(() => {
      most = Math.max(most, clones());
    }, 20);
    lab.plane.defer(() => {
      clearInterval(watching);
      return Promise.resolve();
    });
    await soon(async () => {
      const queued = (await t.list('virtualmachines')).filter(
        (object) => condition(object).is === 'Ready=False CloneQueued',
      );
      expect(queued).toHaveLength(3);
      expect(condition(queued[0]).message).toContain(
        'At most 2 full clones onto ssd-storage are made at a time.',
      );
    });
    await t.apply(vm('linked'));
    await t.ready('vm/linked');
    // It overtook those that wait for their turn.
    expect(ownGuests(t.pve).filter((guest) => guest.running).length).toBeLessThan(6);
    await t.ready(...names(5).map((name) => `vm/${name}`));
    // Two full ones and the linked one.
    expect(most).toBe(3);
    expect(cloneRequests(t.pve)).toHaveLength(6);
  });
});

test.concurrent('a VM that no node can take says why, node by node, and is made when one can', async () => {
  const t = await tenant(lab.plane, onEachNode());
  for (const n of [1, 2, 3]) fill(t.pve, `pve-${n}`, 90, 500 + n);
  await t.apply(vm('web'), vm('big', { classRef: { name: 'big' } }));
  await t.apply(manifest('VMClass', 'big', { cpus: 2, memory: '63Gi' }));
  await soon(async () => {
    const { is, message } = condition(await t.vm('web'));
    expect(is).toBe('Ready=False NoEligibleNode');
    for (const n of [1, 2, 3]) expect(message).toContain(`pve-${n} (0 MiB of 100 GiB free)`);
    // Less by 2 GiB where web was promised a place before the storages were seen to be full.
    expect(condition(await t.vm('big')).message).toMatch(
      /pve-1 \(6[02] GiB free\).*: 63 GiB of memory needed/,
    );
  });
  // Figures move all the time; nothing is written about that.
  const { resourceVersion } = (await t.vm('web')).metadata;
  t.pve.outside.delete(501);
  fill(t.pve, 'pve-1', 89, 501);
  t.pve.outside.delete(501);
  fill(t.pve, 'pve-1', 89.5, 501);
  await sleep(12_000);
  expect((await t.vm('web')).metadata.resourceVersion).toBe(resourceVersion);
  t.pve.outside.delete(502);
  await t.ready('vm/web');
  expect(guestNamed(t.pve, 'web').node).toBe('pve-2');
});

describe('a template on local storage', () => {
  test.concurrent('of which each node has a copy is cloned where the VM should be', async () => {
    const t = await tenant(lab.plane, onEachNode());
    await t.apply(...[1, 2, 3].map((n) => vm(`web-${n}`, { placement: { host: `pve-${n}` } })));
    await t.ready('vm/web-1', 'vm/web-2', 'vm/web-3');
    for (const n of [1, 2, 3]) {
      expect(guestNamed(t.pve, `web-${n}`).node).toBe(`pve-${n}`);
      expect((await t.vm(`web-${n}`)).status).toMatchObject({
        cloneType: 'Linked',
        placement: { template: 9000 + n, node: `pve-${n}`, storage: 'local-lvm' },
      });
    }
    expect(tasksDone(t.pve, 'qmigrate')).toBe(0);
  });

  test.concurrent('of another node is cloned there and moved before the VM is first started', async () => {
    const t = await tenant(lab.plane, onPve1());
    await t.apply(
      vm('web', { placement: { host: 'pve-2' }, userData, disks: [{ name: 'root', size: '20Gi' }] }),
    );
    await t.ready('vm/web');
    const guest = guestNamed(t.pve, 'web');
    expect([guest.node, guest.running !== undefined]).toEqual(['pve-2', true]);
    expect(guest.get('scsi0')).toContain('size=20G');
    const done = t.pve.state.tasks
      .list()
      .map(({ type }) => type)
      .toReversed();
    expect(done.filter((type) => ['qmclone', 'qmigrate', 'qmstart'].includes(type))).toEqual([
      'qmclone',
      'qmigrate',
      'qmstart',
    ]);
    const object = await t.vm('web');
    expect(object.status).toMatchObject({ node: 'pve-2', cloneType: 'Full' });
    expect(condition(object, 'Placed').message).toBe(
      'The VM is on node pve-2, its root disk on storage local-lvm, made as a full clone of 9001, because the template is on local storage of pve-1.',
    );
    await t.delete('vm/web');
    expect(ownGuests(t.pve)).toEqual([]);
    expect(orphans(t.pve)).toEqual([]);
  });

  test.concurrent('is moved to another storage where that is asked for', async () => {
    const t = await tenant(lab.plane, onPve1());
    await t.apply(vm('web', { disks: [{ name: 'root', size: '20Gi', storageClass: 'fast' }] }));
    await t.ready('vm/web');
    expect(guestNamed(t.pve, 'web').node).toBe('pve-3');
    expect(guestNamed(t.pve, 'web').get('scsi0')).toMatch(/^fast:vm-\d+-disk-0,/);
    expect(orphans(t.pve)).toEqual([]);
  });

  test.concurrent('is moved although the requests for it are lost', async () => {
    const t = await tenant(lab.plane, onPve1());
    t.pve.faults.add({ method: 'POST', path: '/migrate$', times: 2, kind: 'reset-before' });
    await t.apply(vm('web', { placement: { host: 'pve-3' } }));
    await t.ready('vm/web');
    expect(guestNamed(t.pve, 'web').node).toBe('pve-3');
    expect(tasksDone(t.pve, 'qmigrate')).toBe(1);
    expect(cloneRequests(t.pve)).toHaveLength(1);
  });
});

test.concurrent(
  'a VM is only made where it can be started too, and not on a node in HA maintenance',
  async () => {
    const onCeph = { scsi0: 'ceph:10', ide2: 'ceph:cloudinit', hostpci0: 'mapping=gpu' };
    const t = await tenant(lab.plane, {
      cluster: {
        ...localCluster(template(9001, 'pve-1', onCeph)),
        storages: [
          { id: 'ceph', type: 'rbd', content: ['images'], shared: true, size: '100G' },
          { id: 'local', type: 'dir', path: '/var/lib/vz', content: ['iso'], nodes: ['pve-2', 'pve-3'] },
        ],
        mappings: { gpu: ['pve-1', 'pve-3'] },
      },
    });
    t.pve.outside.setNodeMode('pve-3', 'maintenance');
    await t.apply(vm('web', { userData }));
    await soon(async () => {
      const { is, message } = condition(await t.vm('web'));
      expect(is).toBe('Ready=False NoIsoStorage');
      expect(message).toContain('pve-1: no storage with content type "iso" is available for the user-data');
      expect(message).toContain(
        'pve-2: the resource mapping for hostpci0 of template 9001 has no device here',
      );
      expect(message).toContain('pve-3: in HA maintenance');
    });
    expect(cloneRequests(t.pve)).toEqual([]);
    t.pve.outside.setNodeMode('pve-3', 'online');
    await t.ready('vm/web');
    expect(guestNamed(t.pve, 'web').node).toBe('pve-3');
  },
);

describe('a pool', () => {
  const POOLS = [{ id: 'k8s' }, { id: 'k8s/web' }];
  const pooled = (): FakePveOptions => ({
    cluster: { ...shippedCluster('document'), name: `pools-${randomBytes(4).toString('hex')}`, pools: POOLS },
  });
  const members = (pve: FakePve, id: string) => [...(pve.state.pools.get(id)?.vms ?? [])];

  test.concurrent('of the VM, else of its Provider, is where a new VM is put', async () => {
    const t = await tenant(lab.plane, pooled());
    await t.patch('provider/pve', { spec: { defaults: { pool: 'k8s' } } });
    await t.ready('provider/pve');
    await t.apply(vm('db'), vm('web', { placement: { pool: 'k8s/web' } }));
    await t.ready('vm/db', 'vm/web');
    expect(members(t.pve, 'k8s/web')).toEqual([guestNamed(t.pve, 'web').vmid]);
    expect(members(t.pve, 'k8s')).toEqual([guestNamed(t.pve, 'db').vmid]);
  });

  test.concurrent('that is not there is named, and the VM is made once it is', async () => {
    const t = await tenant(lab.plane, pooled());
    await t.apply(vm('web', { placement: { pool: 'missing' } }));
    await soon(async () => {
      const { is, message } = condition(await t.vm('web'));
      expect(is).toBe('Ready=False PoolNotFound');
      expect(message).toContain('pvesh create /pools --poolid missing');
    });
    expect(ownGuests(t.pve)).toEqual([]);
    t.pve.state.pools.set('missing', {
      id: 'missing',
      comment: undefined,
      vms: new Set(),
      storages: new Set(),
    });
    await t.ready('vm/web');
    expect(members(t.pve, 'missing')).toEqual([guestNamed(t.pve, 'web').vmid]);
  });
});

describe('a fixed VMID', () => {
  test.concurrent('is the one that the VM gets, and stays what it is', async () => {
    const t = await tenant(lab.plane);
    await t.apply(vm('web', { vmid: 777 }), vm('db'));
    await t.ready('vm/web', 'vm/db');
    expect(guestNamed(t.pve, 'web').vmid).toBe(777);
    for (const [name, vmid] of [
      ['web', 778],
      ['web', null],
      ['db', 900],
    ] as const)
      await expect(t.patch(`vm/${name}`, { spec: { vmid } })).rejects.toThrow(
        'spec.vmid: Invalid value: cannot be changed, added or removed',
      );
  });

  test.concurrent('that a foreign VM has is not used until it is free', async () => {
    const t = await tenant(lab.plane);
    t.pve.addGuest({ vmid: 777, node: 'pve-2', config: { name: 'foreign', scsi0: 'nvme-storage:5' } });
    const foreign = t.pve.state.guests.get(777);
    const digest = foreign?.digest;
    await t.apply(vm('web', { vmid: 777 }));
    await soon(async () => {
      const { is, message } = condition(await t.vm('web'));
      expect(is).toBe('Ready=False VmidTaken');
      expect(message).toContain('VMID 777 belongs to the VM "foreign" on node pve-2.');
    });
    expect(t.pve.state.guests.get(777)).toBe(foreign);
    expect(foreign?.digest).toBe(digest);
    expect(cloneRequests(t.pve)).toEqual([]);
    t.pve.outside.delete(777);
    await t.ready('vm/web');
    expect(guestNamed(t.pve, 'web').vmid).toBe(777);
    await t.apply(vm('late', { vmid: 777 }));
    await soon(async () => expect(condition(await t.vm('late')).message).toContain('the VM "web"'));
    await t.delete('vm/web');
    await t.ready('vm/late');
    expect(guestNamed(t.pve, 'late').vmid).toBe(777);
  });
});

test.concurrent('a VM with UEFI has its firmware settings where its root disk is', async () => {
  const t = await tenant(lab.plane, onPve1());
  await t.apply(
    manifest('VMClass', 'uefi', { cpus: 2, memory: '2Gi', spec: { bios: 'uefi', machine: 'q35' } }),
    vm('web', { classRef: { name: 'uefi' }, disks: [{ name: 'root', size: '20Gi', storageClass: 'fast' }] }),
  );
  await t.ready('vm/web');
  const guest = guestNamed(t.pve, 'web');
  expect(guest.get('bios')).toBe('ovmf');
  expect(guest.get('efidisk0')).toMatch(/^fast:/);
  expect(guest.get('scsi0')).toMatch(/^fast:/);
});

describe('VMs with a placement policy', () => {
  const db = (name: string) =>
    manifest(
      'VirtualMachine',
      name,
      {
        providerRef: { name: 'pve' },
        classRef: { name: 'small' },
        imageRef: { name: 'ubuntu' },
        placementRef: { name: 'apart' },
        powerState: 'Off',
      },
      { labels: { 'vm.type': 'database' } },
    );
  const apart = manifest('VMPlacementPolicy', 'apart', {
    antiAffinity: [{ key: 'vm.type', operator: 'In', values: ['database'] }],
  });

  test.concurrent(
    'do not meet although they are made at once; a policy says what a move breaks',
    async () => {
      const t = await tenant(lab.plane);
      const all = ['db-0', 'db-1', 'db-2', 'db-3', 'db-4'];
      await t.apply(...all.map(db));
      // Without the policy they would be made anywhere.
      await soon(async () => expect(condition(await t.vm('db-0')).is).toBe('Ready=False PolicyNotFound'));
      await t.apply(apart);
      await soon(() => expect(nodesOf(t.pve)).toEqual({ 'pve-1': 1, 'pve-2': 1, 'pve-3': 1 }));
      const waiting = async () =>
        (await t.list('virtualmachines')).filter(({ status }) => status.vmid === undefined);
      await soon(async () => {
        const left = await waiting();
        expect(left).toHaveLength(2);
        for (const each of left)
          expect(condition(each, 'Placed').message).toMatch(
            /pve-1: VirtualMachine db-\d is on it, which anti/,
          );
      });
      await t.ready(...ownGuests(t.pve).map((each) => `vm/${each.get('name') ?? ''}`));
      const policy = async () => (await t.list('vmplacementpolicies'))[0]?.status;
      await soon(async () => expect(await policy()).toMatchObject({ users: 5, violationCount: 0 }));

      const [guest] = ownGuests(t.pve).filter(({ node }) => node === 'pve-1');
      if (!guest) throw new Error('There is no VM on pve-1.');
      t.pve.outside.migrate(guest.vmid, 'pve-2');
      await soon(async () => {
        expect(await policy()).toMatchObject({ violationCount: 2 });
        // The node that became free takes one of those that wait.
        expect(await waiting()).toHaveLength(1);
      });
      expect(nodesOf(t.pve)).toEqual({ 'pve-1': 1, 'pve-2': 2, 'pve-3': 1 });
    },
  );
});
