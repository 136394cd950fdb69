/** The document's "Reconfigure Matrix", row by row: what changes while the VM runs, and what waits for a restart. */
import { describe, expect, test } from '@jest/globals';
import { shippedCluster } from '../../fakepve/cluster-file.ts';
import { operatorAtWork } from '../harness/at-work.ts';
import { changes, guestNamed, tasksDone } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { condition, manifest, tenant, type Tenant, vm } from './tenant.ts';

const lab = operatorAtWork({ namespaces: 15 });

const sized = (spec: object, name = 'sized') =>
  manifest('VMClass', name, { cpus: 2, memory: '2Gi', ...spec });

/** A VM that runs, of a class that is then changed. */
async function running(spec: object = {}, vmSpec: object = {}, names: readonly string[] = ['web']) {
  const t = await tenant(lab.plane);
  await t.apply(sized(spec), ...names.map((name) => vm(name, { classRef: { name: 'sized' }, ...vmSpec })));
  await t.ready(...names.map((name) => `vm/${name}`));
  return { t, pid: guestNamed(t.pve, 'web').running?.pid };
}

/** What runs; `undefined` for a setting that the guest does not have. */
const runs = (t: Tenant, ...keys: readonly string[]) =>
  keys.map((key) => guestNamed(t.pve, 'web').config.get(key));

async function pendingKeys(t: Tenant): Promise<readonly string[]> {
  const { status } = await t.vm('web');
  const changes = (status['pendingChanges'] ?? []) as readonly { readonly key: string }[];
  return changes.map(({ key }) => key);
}

/** In force without a restart, and reported as such in status and conditions. */
async function online(t: Tenant, pid: number | undefined): Promise<void> {
  await soon(async () => {
    const object = await t.vm('web');
    expect(condition(object).is).toBe('Ready=True Reconciled');
    expect(condition(object, 'Synced').is).toBe('Synced=True InSync');
    expect(condition(object, 'RestartRequired').is).toBe('no RestartRequired');
  });
  expect(await pendingKeys(t)).toEqual([]);
  expect(guestNamed(t.pve, 'web').running?.pid).toBe(pid);
}

/** Waits for a restart, which is reported and not made; the VM is ready all the same. */
async function waits(t: Tenant, pid: number | undefined, keys: readonly string[]): Promise<void> {
  await soon(async () => {
    const object = await t.vm('web');
    expect(condition(object).is).toBe('Ready=True Reconciled');
    expect(condition(object, 'RestartRequired').is).toBe('RestartRequired=True PendingChanges');
    expect(condition(object, 'Synced').is).toBe('Synced=False PendingChanges');
  });
  expect(await pendingKeys(t)).toEqual(keys);
  expect(guestNamed(t.pve, 'web').running?.pid).toBe(pid);
}

test.concurrent('memory in modules is written once, and a drive written twice leaves no volume', async () => {
  const cluster = shippedCluster('document');
  const guests = cluster.guests.map((guest) => ({
    ...guest,
    config: { ...guest.config, hotplug: 'network,disk,usb,memory', numa: 1 },
  }));
  const t = await tenant(lab.plane, { cluster: { ...cluster, guests, name: 'in-modules' } });
  await t.apply(sized({ memory: '1100Mi' }), vm('web', { classRef: { name: 'sized' } }));
  await t.ready('vm/web');
  const pid = guestNamed(t.pve, 'web').running?.pid;
  expect(runs(t, 'memory')).toEqual(['1536']);
  await t.apply(sized({ memory: '2000Mi' }));
  await soon(() => expect(runs(t, 'memory')).toEqual(['2048']));
  await online(t, pid);
  const writes = changes(t.pve).flatMap(({ params }) => params['memory'] ?? []);
  expect(writes).toEqual(['1536', '2048']);
  const root = { name: 'root', size: '40Gi', discard: false, ssd: false };
  await t.apply(vm('web', { classRef: { name: 'sized' }, disks: [root] }));
  await soon(() => expect(runs(t, 'scsi0')[0]).toContain('size=40G'));
  await waits(t, pid, ['scsi0']);
  expect((await t.vm('web')).status).not.toHaveProperty('unusedVolumes');
});

test.concurrent('hardware: there at the first start, and what is refused holds nothing back', async () => {
  const cluster = shippedCluster('document');
  const mappings = { gpu: ['pve-1', 'pve-2', 'pve-3'] };
  const mayUse = { path: '/mapping/pci/gpu', role: 'PVEMappingUser' };
  const acls = [
    ...cluster.acls,
    { ...mayUse, user: 'virtrigaud@pve' },
    { ...mayUse, token: 'virtrigaud@pve!vrtg-token' },
  ];
  const t = await tenant(lab.plane, { cluster: { ...cluster, acls, mappings, name: 'hardware' } });
  const hardware = { numa: true, sockets: 2, hugepages: '2Mi', serial: 1, vga: { type: 'serial0' } };
  const spec = { osType: 'l26', scsiController: 'virtio-scsi-pci' };
  const made = (more: object = {}) =>
    vm('web', {
      classRef: { name: 'sized' },
      guestName: 'WEB-01',
      dns: ['192.0.2.53'],
      searchDomain: 'example.com',
      networks: [{ name: 'lan', queues: 2 }],
      disks: [
        { name: 'root', size: '40Gi', backup: false },
        { name: 'data', size: '1Gi', bus: 'virtio', replicate: false },
      ],
      devices: [{ pciMapping: 'gpu' }],
      ...more,
    });
  await t.apply(sized({ minMemory: '1Gi', spec, hardware }), made());
  await t.ready('vm/web');
  const guest = guestNamed(t.pve, 'WEB-01');
  const config = (...keys: readonly string[]) => keys.map((key) => guest.config.get(key));
  expect(config('numa', 'sockets', 'cores', 'vcpus', 'serial0', 'vga')).toEqual([
    '1',
    '2',
    '4',
    '2',
    'socket',
    'serial0',
  ]);
  expect(config('ostype', 'scsihw', 'balloon', 'nameserver', 'searchdomain', 'hostpci0')).toEqual([
    'l26',
    'virtio-scsi-pci',
    '1024',
    '192.0.2.53',
    'example.com',
    'mapping=gpu',
  ]);
  expect(guest.config.get('net0')).toContain('queues=2');
  expect(guest.config.get('scsi0')).toContain('backup=0');
  expect(guest.config.get('virtio1')).toContain('replicate=0');
  expect(guest.pending.size).toBe(0);
  await soon(async () => {
    const { is, message } = condition(await t.vm('web'), 'Synced');
    expect(is).toMatch(/^Synced=False/);
    expect(message).toContain("only root can set 'hugepages' config");
  });
  expect((await t.vm('web')).status).toMatchObject({ devices: [{ device: 'hostpci0', mapping: 'gpu' }] });
  await t.apply(made({ placement: { host: guest.node === 'pve-1' ? 'pve-2' : 'pve-1' } }));
  await soon(async () => {
    const { message } = condition(await t.vm('web'), 'Synced');
    expect(message).toContain('moves no VM with hostpci0 while it runs');
  });
  expect(tasksDone(t.pve, 'qmigrate')).toBe(0);
});

describe('CPU', () => {
  test.concurrent('increase: online, up to the ceiling that the VM was made with', async () => {
    const { t, pid } = await running({ maxCpus: 6 });
    expect(runs(t, 'cores', 'vcpus')).toEqual(['6', '2']);
    await t.apply(sized({ cpus: 6, maxCpus: 6 }));
    await soon(() => expect(runs(t, 'vcpus')).toEqual(['6']));
    await online(t, pid);
  });

  test.concurrent('increase: online for a class without maxCpus up to four times its size', async () => {
    const { t, pid } = await running({ cpus: 1 });
    await t.apply(sized({ cpus: 4 }));
    await soon(() => expect(runs(t, 'vcpus')).toEqual(['4']));
    await online(t, pid);
  });

  test.concurrent('decrease: online', async () => {
    const { t, pid } = await running();
    await t.apply(sized({ cpus: 1 }));
    await soon(() => expect(runs(t, 'vcpus')).toEqual(['1']));
    await online(t, pid);
  });

  test.concurrent('decrease: waits for a restart where the guest does not released of a CPU', async () => {
    const { t, pid } = await running();
    t.pve.outside.edit(guestNamed(t.pve, 'web').vmid, { tags: 'noguest' });
    await t.apply(sized({ cpus: 1 }));
    await soon(() => expect(guestNamed(t.pve, 'web').pending.get('vcpus')).toBe('1'));
    await waits(t, pid, ['vcpus']);
    expect(runs(t, 'vcpus')).toEqual(['2']);
  });

  test.concurrent('cores-change-on-running-sets-RestartRequired', async () => {
    const { t, pid } = await running({ maxCpus: 3 });
    await t.apply(sized({ cpus: 5, maxCpus: 6 }));
    await soon(() => expect(runs(t, 'cores', 'vcpus')).toEqual(['3', '3'])); // what can be had at once
    await waits(t, pid, ['cores']);
    await t.patch('vm/web', { spec: { powerState: 'Off' } });
    await soon(() => expect(runs(t, 'cores', 'vcpus')).toEqual(['6', '5']));
    await t.patch('vm/web', { spec: { powerState: 'On' } });
    await soon(() => expect(guestNamed(t.pve, 'web').running).toBeDefined());
    await online(t, guestNamed(t.pve, 'web').running?.pid);
  });

  test.concurrent('above the ceiling and back again leaves nothing that waits', async () => {
    const { t, pid } = await running({ maxCpus: 3 });
    await t.apply(sized({ cpus: 5 }));
    await waits(t, pid, ['cores']);
    await t.apply(sized({ cpus: 2 }));
    await soon(() => expect(guestNamed(t.pve, 'web').pending.size).toBe(0));
    await online(t, pid);
  });
});

describe('memory', () => {
  test.concurrent('increase and decrease: online within maxMemory, by the balloon', async () => {
    const { t, pid } = await running({ maxMemory: '8Gi' });
    expect(runs(t, 'memory', 'balloon', 'shares')).toEqual(['8192', '2048', '0']);
    await t.apply(sized({ memory: '6Gi', maxMemory: '8Gi' }));
    await soon(() => expect(runs(t, 'memory', 'balloon')).toEqual(['8192', '6144']));
    await online(t, pid);
    await t.apply(sized({ memory: '1Gi', maxMemory: '8Gi' }));
    await soon(() => expect(runs(t, 'memory', 'balloon')).toEqual(['8192', '1024']));
    await online(t, pid);
  });

  test.concurrent('above maxMemory of the running VM: waits for a restart', async () => {
    const { t, pid } = await running({ maxMemory: '4Gi' });
    await t.apply(sized({ memory: '6Gi', maxMemory: '8Gi' }));
    await waits(t, pid, ['memory']);
    expect(runs(t, 'memory')).toEqual(['4096']);
  });

  test.concurrent.each(['4Gi', '1Gi'])(
    'to %s in a class without maxMemory: waits for a restart',
    async (memory) => {
      const { t, pid } = await running();
      await t.apply(sized({ memory }));
      await waits(t, pid, ['memory']);
      expect(runs(t, 'memory')).toEqual(['2048']);
    },
  );
});

describe('disk', () => {
  const disk = (size: string) => ({ disks: [{ name: 'root', size }] });
  const edit = (t: Tenant, spec: object) => t.patch('vm/web', { spec });

  test.concurrent('expand: online', async () => {
    const { t, pid } = await running({}, disk('20Gi'));
    await edit(t, disk('30Gi'));
    await soon(() => expect(runs(t, 'scsi0')[0]).toContain('size=30G'));
    await online(t, pid);
  });

  test.concurrent('shrink: reported, and other changes are made', async () => {
    const { t, pid } = await running({}, disk('20Gi'));
    await edit(t, disk('5Gi'));
    await t.apply(sized({ cpus: 4 }));
    await soon(async () => {
      const object = await t.vm('web');
      expect(runs(t, 'vcpus')).toEqual(['4']);
      expect(condition(object).is).toBe('Ready=True Reconciled');
      const { is, message } = condition(object, 'Synced');
      expect(is).toBe('Synced=False Different');
      expect(message).toContain('20Gi');
    });
    expect(runs(t, 'scsi0')[0]).toContain('size=20G');
    expect(guestNamed(t.pve, 'web').running?.pid).toBe(pid);
  });
});

test.concurrent('an edit of a class reaches all of its VMs, and a VM can change its class', async () => {
  const names = ['web', 'db', 'cache'];
  const { t } = await running({}, {}, names);
  await t.apply(sized({ cpus: 4 }), sized({ cpus: 3 }, 'large'));
  const cpus = () => names.map((name) => guestNamed(t.pve, name).get('vcpus'));
  await soon(() => expect(cpus()).toEqual(['4', '4', '4']));
  await t.patch('vm/db', { spec: { classRef: { name: 'large' } } });
  await soon(() => expect(cpus()).toEqual(['4', '3', '4']));
  expect(tasksDone(t.pve, 'qmstart')).toBe(3);
});
