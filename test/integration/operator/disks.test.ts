/** The disks of a VM beside its boot disk: made, grown, moved and taken off, while whatever is not ours stays. */
import { describe, expect, test } from '@jest/globals';
import { shippedCluster } from '../../fakepve/cluster-file.ts';
import { operatorAtWork } from '../harness/at-work.ts';
import { changes, guestNamed, volumes } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { condition, manifest, tenant, type Tenant, vm } from './tenant.ts';
import { expectNothingLeft } from './world.ts';

const lab = operatorAtWork({ namespaces: 16 });

const GiB = 1024 ** 3;
const web = (...disks: readonly object[]) => vm('web', { disks });
const data = (fields: object = {}) => ({ name: 'data', size: '10Gi', ...fields });

const apply = (t: Tenant, ...disks: readonly object[]) => t.apply(web(...disks));

/** A VM that runs with the disks of its spec. */
async function running(...disks: readonly object[]) {
  const t = await tenant(lab.plane);
  await apply(t, ...disks);
  await t.ready('vm/web');
  const guest = guestNamed(t.pve, 'web');
  return { t, guest, pid: guest.running?.pid };
}

const guestOf = (t: Tenant) => guestNamed(t.pve, 'web');
const drive = (t: Tenant, key: string): string => guestOf(t).config.get(key) ?? '';
const volumeAt = (t: Tenant, key: string): string => drive(t, key).split(',')[0] ?? '';
const exists = (t: Tenant, volid: string): boolean => volumes(t.pve).some((each) => each.volid === volid);
const sizeOf = (t: Tenant, volid: string) => volumes(t.pve).find((each) => each.volid === volid)?.size;

const recorded = async (t: Tenant) =>
  ((await t.vm('web')).status['disks'] ?? []) as readonly Readonly<Record<string, string>>[];

/** At rest, in sync, and never restarted. */
async function settled(t: Tenant, pid: number | undefined): Promise<void> {
  await soon(async () => {
    const object = await t.vm('web');
    expect(condition(object).is).toBe('Ready=True Reconciled');
    expect(condition(object, 'Synced').is).toBe('Synced=True InSync');
  });
  expect(guestOf(t).running?.pid).toBe(pid);
}

describe('a VM that is made', () => {
  test.concurrent('has its disks, with their limits, before it starts for the first time', async () => {
    const { t, pid } = await running(
      { name: 'root', size: '30Gi' },
      data({ limits: { readIOPS: 500, writeMBps: 50 }, ssd: true }),
      { name: 'logs', size: '512Mi', storageClass: 'ssd-storage', reclaimPolicy: 'Delete' },
    );
    await settled(t, pid);
    const [first, second] = [volumeAt(t, 'scsi1'), volumeAt(t, 'scsi2')];
    expect(drive(t, 'scsi1')).toMatch(/^nvme-storage:vm-\d+-disk-\d+,/);
    for (const property of ['serial=data', 'iops_rd=500', 'mbps_wr=50', 'ssd=1', 'size=10G'])
      expect(drive(t, 'scsi1').split(',')).toContain(property);
    expect(drive(t, 'scsi2')).toMatch(/^ssd-storage:/);
    expect(drive(t, 'scsi2').split(',')).toEqual(expect.arrayContaining(['serial=logs', 'size=512M']));
    expect([sizeOf(t, first), sizeOf(t, second)]).toEqual([10 * GiB, GiB / 2]);
    expect(await recorded(t)).toEqual([
      { name: 'root', device: 'scsi0', volume: volumeAt(t, 'scsi0'), storage: 'nvme-storage', size: '30Gi' },
      {
        name: 'data',
        device: 'scsi1',
        volume: first,
        storage: 'nvme-storage',
        size: '10Gi',
        reclaimPolicy: 'Detach',
      },
      {
        name: 'logs',
        device: 'scsi2',
        volume: second,
        storage: 'ssd-storage',
        size: '512Mi',
        reclaimPolicy: 'Delete',
      },
    ]);
    const starts = changes(t.pve).findIndex(({ path }) => path.endsWith('/status/start'));
    const later = changes(t.pve).slice(starts + 1);
    expect(later.filter(({ params }) => JSON.stringify(params).includes('serial='))).toEqual([]);
    await t.delete('vm/web');
    expectNothingLeft(t);
  });

  test.concurrent('has a disk with the contents of a volume, as large as the spec says', async () => {
    const t = await tenant(lab.plane);
    const image = Buffer.alloc(512);
    image.writeUInt32BE(0x514649fb, 0);
    image.writeBigUInt64BE(BigInt(2 * GiB), 24);
    for (const node of t.pve.state.nodes.keys())
      t.pve.state.storage.put(
        {
          volid: 'local:import/data.qcow2',
          storage: 'local',
          name: 'import/data.qcow2',
          content: 'import',
          format: 'qcow2',
          size: image.length,
          vmid: undefined,
          parent: undefined,
          ctime: 0,
          data: image,
          snapshots: new Set(),
        },
        node,
      );
    await apply(t, data({ importFrom: 'local:import/data.qcow2' }));
    await t.ready('vm/web');
    await settled(t, guestOf(t).running?.pid);
    const made = volumes(t.pve).find(({ volid }) => volid === volumeAt(t, 'scsi1'));
    expect(made).toMatchObject({ storage: 'nvme-storage', size: 10 * GiB, data: image });
    expect(drive(t, 'scsi1')).not.toContain('import-from');
  });

  test.concurrent('has firmware of the class and a TPM, whose disks are left alone later', async () => {
    const t = await tenant(lab.plane);
    const secure = { cpus: 2, memory: '2Gi', spec: { bios: 'uefi', tpm: 'v2.0' } };
    const object = vm('web', { classRef: { name: 'secure' }, disks: [data()] });
    await t.apply(manifest('VMClass', 'secure', secure), object);
    await t.ready('vm/web');
    await settled(t, guestOf(t).running?.pid);
    expect(drive(t, 'tpmstate0')).toMatch(/^nvme-storage:.*version=v2\.0/);
    expect(drive(t, 'efidisk0')).toMatch(/^nvme-storage:/);
    expect(guestOf(t).config.get('bios')).toBe('ovmf');
    expect((await recorded(t)).map(({ name }) => name)).toEqual(['root', 'data']);
  });
});

describe('while the VM runs', () => {
  test.concurrent('a disk is added, and grows', async () => {
    const { t, pid } = await running();
    await apply(t, data());
    await soon(() => expect(drive(t, 'scsi1')).toContain('size=10G'));
    await settled(t, pid);
    const volid = volumeAt(t, 'scsi1');
    await apply(t, data({ size: '1Ti' }), { name: 'root', size: '40Gi' });
    await soon(() => expect(drive(t, 'scsi1')).toContain('size=1T'));
    await soon(() => expect(drive(t, 'scsi0')).toContain('size=40G'));
    await settled(t, pid);
    expect(volumeAt(t, 'scsi1')).toBe(volid);
    expect(sizeOf(t, volid)).toBe(1024 * GiB);
  });

  test.concurrent(
    'a disk that should be smaller is reported, and the rest of the spec is applied',
    async () => {
      const { t, pid } = await running(data());
      await apply(t, data({ size: '5Gi' }), { name: 'logs', size: '1Gi' });
      await soon(() => expect(drive(t, 'scsi2')).toContain('serial=logs'));
      await soon(async () => {
        const synced = condition(await t.vm('web'), 'Synced');
        expect(synced.is).toMatch(/^Synced=False/);
        expect(synced.message).toContain('Disk data has 10Gi, but the spec says 5Gi');
      });
      expect(sizeOf(t, volumeAt(t, 'scsi1'))).toBe(10 * GiB);
      expect(guestOf(t).running?.pid).toBe(pid);
    },
  );

  test.concurrent('a disk that leaves the spec is kept or destroyed, and somebody else’s stays', async () => {
    const { t, guest, pid } = await running(data(), {
      name: 'scratch',
      size: '1Gi',
      reclaimPolicy: 'Delete',
    });
    const [kept, destroyed] = [volumeAt(t, 'scsi1'), volumeAt(t, 'scsi2')];
    const strange = `nvme-storage:vm-${guest.vmid}-disk-77`;
    const model = volumes(t.pve).find(({ volid }) => volid === kept)!;
    t.pve.state.storage.put(
      { ...model, volid: strange, name: strange.replace('nvme-storage:', '') },
      guest.node,
    );
    t.pve.outside.edit(guest.vmid, { scsi5: `${strange},size=10G` });
    await apply(t);
    await soon(() => expect(exists(t, destroyed)).toBe(false));
    await settled(t, pid);
    expect([drive(t, 'scsi1'), drive(t, 'scsi2')]).toEqual(['', '']);
    expect(exists(t, kept)).toBe(true);
    const unused = [...guestOf(t).config].filter(([key]) => key.startsWith('unused'));
    expect(unused.map(([, volid]) => volid)).toEqual([kept]);
    expect(drive(t, 'scsi5')).toContain(strange);
    expect(exists(t, strange)).toBe(true);
    expect((await recorded(t)).map(({ name }) => name)).toEqual(['root']);
  });

  test.concurrent('limits change, and what somebody else wrote beside them stays', async () => {
    const { t, guest, pid } = await running(data({ limits: { readIOPS: 500 } }));
    t.pve.outside.edit(guest.vmid, { scsi1: `${drive(t, 'scsi1')},backup=0` });
    await apply(t, data({ limits: { readIOPS: 900, writeIOPS: 100 } }));
    await soon(() => expect(drive(t, 'scsi1')).toContain('iops_rd=900'));
    await settled(t, pid);
    for (const property of ['iops_wr=100', 'backup=0', 'serial=data', 'size=10G'])
      expect(drive(t, 'scsi1').split(',')).toContain(property);
  });

  test.concurrent('a disk moves to another storage, the boot disk too', async () => {
    const { t, pid } = await running(data());
    const before = [volumeAt(t, 'scsi0'), volumeAt(t, 'scsi1')];
    await apply(t, data({ storageClass: 'ssd-storage' }), {
      name: 'root',
      storageClass: 'ssd-storage',
      size: '20Gi',
    });
    await soon(() => expect(drive(t, 'scsi1')).toMatch(/^ssd-storage:/));
    await soon(() => expect(drive(t, 'scsi0')).toMatch(/^ssd-storage:/));
    await settled(t, pid);
    expect(before.filter((volid) => exists(t, volid))).toEqual([]);
    expect(drive(t, 'scsi1').split(',')).toEqual(expect.arrayContaining(['serial=data', 'size=10G']));
    expect((await recorded(t)).map(({ storage }) => storage)).toEqual(['ssd-storage', 'ssd-storage']);
  });

  test.concurrent('the disk of the firmware follows the boot disk, the rest once the VM is off', async () => {
    const t = await tenant(lab.plane);
    const secure = { cpus: 2, memory: '2Gi', spec: { bios: 'uefi', tpm: 'v2.0' } };
    const object = (storageClass?: string) => ({
      classRef: { name: 'secure' },
      disks: [{ name: 'root', size: '20Gi', ...(storageClass !== undefined && { storageClass }) }],
    });
    await t.apply(manifest('VMClass', 'secure', secure), vm('web', object()));
    await t.ready('vm/web');
    expect(drive(t, 'ide2')).toMatch(/^nvme-storage:.*cloudinit/);
    await t.apply(vm('web', object('ssd-storage')));
    await soon(() => expect(drive(t, 'efidisk0')).toMatch(/^ssd-storage:/));
    await soon(async () => {
      const { is, message } = condition(await t.vm('web'), 'Synced');
      expect(is).toBe('Synced=False Different');
      expect(message).toContain('The TPM state is on storage nvme-storage');
    });
    await t.patch('vm/web', { spec: { powerState: 'Off' } });
    await soon(() => expect(drive(t, 'tpmstate0')).toMatch(/^ssd-storage:.*version=v2\.0/));
    await soon(async () => expect(condition(await t.vm('web'), 'Synced').is).toBe('Synced=True InSync'));
    const { vmid } = guestOf(t);
    const own = volumes(t.pve).filter((volume) => volume.vmid === vmid);
    expect([...new Set(own.map(({ storage }) => storage))]).toEqual(['ssd-storage']);
    expect((await recorded(t)).map((disk) => disk['movedFrom'])).toEqual([undefined]);
  });

  test.concurrent('a disk whose storage is not there holds back nothing else', async () => {
    const { t, pid } = await running();
    await t.apply(
      vm('web', { disks: [data({ storageClass: 'nowhere' }), { name: 'logs', size: '1Gi' }] }),
      manifest('VMClass', 'small', { cpus: 1, memory: '2Gi' }),
    );
    await soon(() => expect(guestOf(t).config.get('vcpus')).toBe('1'));
    await soon(() => expect([...guestOf(t).config.values()].join()).toContain('serial=logs'));
    await soon(async () => {
      const object = await t.vm('web');
      expect(condition(object, 'Synced').message).toContain('storage nowhere is not available');
    });
    expect(guestOf(t).running?.pid).toBe(pid);
  });
});

test.concurrent('an option that a person changed in Proxmox VE is reported, not undone', async () => {
  const { t, guest, pid } = await running(data({ limits: { readIOPS: 500 } }));
  await settled(t, pid);
  const edited = drive(t, 'scsi1').replace('iops_rd=500', 'iops_rd=7');
  // The list of guests shows tags: the operator looks now instead of at the next drift scan.
  t.pve.outside.edit(guest.vmid, { scsi1: edited, tags: 'by-hand' });
  await apply(t, data({ limits: { readIOPS: 500 } })); // the same spec
  await soon(async () => {
    const synced = condition(await t.vm('web'), 'Synced');
    expect(synced.is).toBe('Synced=False Drifted');
    expect(synced.message).toContain('scsi1');
  });
  expect(drive(t, 'scsi1')).toBe(edited);
  await apply(t, data({ limits: { readIOPS: 500 } }), { name: 'logs', size: '1Gi' });
  await soon(() => expect(drive(t, 'scsi2')).toContain('serial=logs'));
  expect(guestOf(t).running?.pid).toBe(pid);
});

describe('an option that Proxmox VE does not accept', () => {
  /** The template has its disk on virtio, which knows no ssd. */
  function onVirtio() {
    const cluster = shippedCluster('document');
    const guests = cluster.guests.map((guest) => {
      const { scsi0 = '', ...config } = guest.config;
      return guest.vmid === 9000
        ? {
            ...guest,
            config: { ...config, virtio0: scsi0.split(',')[0] ?? '', boot: 'order=virtio0' },
          }
        : guest;
    });
    return { ...cluster, guests };
  }

  test.concurrent('of the bus holds back neither the rest of the spec nor the power state', async () => {
    const t = await tenant(lab.plane, { cluster: { ...onVirtio(), name: 'on-virtio' } });
    await apply(t, { name: 'root', size: '20Gi', ssd: true, discard: true });
    await t.ready('vm/web');
    expect(drive(t, 'virtio0').split(',')).toContain('discard=on');
    await soon(async () => {
      const { is, message } = condition(await t.vm('web'), 'Synced');
      expect(is).toBe('Synced=False Different');
      expect(message).toContain('The root disk (virtio0) cannot have the option ssd');
    });
    await t.patch('vm/web', {
      spec: { powerState: 'Off', disks: [{ name: 'root', size: '20Gi', ssd: true, cache: 'writeback' }] },
    });
    await soon(() => expect(guestOf(t).running).toBeUndefined());
    await t.delete('vm/web');
    expectNothingLeft(t);
  });

  test.concurrent('for whatever reason holds back neither other changes nor the power state', async () => {
    const { t } = await running(data());
    const refused = {
      kind: 'status',
      method: 'PUT',
      path: '/config$',
      code: 400,
      reason: 'no such cache here',
    } as const;
    t.pve.faults.add(refused);
    await t.apply(
      web(data({ cache: 'writeback' }), { name: 'logs', size: '1Gi' }),
      manifest('VMClass', 'small', { cpus: 1, memory: '2Gi' }),
    );
    await soon(() => expect(guestOf(t).config.get('vcpus')).toBe('1'));
    await soon(() => expect(drive(t, 'scsi2')).toContain('serial=logs'));
    await soon(async () => {
      const object = await t.vm('web');
      expect(condition(object).is).toBe('Ready=True Reconciled');
      expect(condition(object, 'Synced').message).toContain('no such cache here');
    });
    await t.patch('vm/web', { spec: { powerState: 'Off' } });
    await soon(() => expect(guestOf(t).running).toBeUndefined());
    await t.delete('vm/web');
  });

  test.concurrent('of one new disk holds back neither another disk nor the power state', async () => {
    const { t } = await running();
    t.pve.faults.add({
      kind: 'status',
      method: 'POST',
      path: '/config$',
      code: 400,
      reason: 'no such disk here',
      times: 2,
    });
    await apply(t, data(), { name: 'logs', size: '1Gi' });
    await soon(async () =>
      expect((await t.vm('web')).status['failure']).toMatchObject({
        step: 'AttachDisk',
        target: expect.stringMatching(/^(data|logs)$/),
        message: 'no such disk here',
      }),
    );
    await t.patch('vm/web', { spec: { powerState: 'Off' } });
    await soon(() => expect(guestOf(t).running).toBeUndefined());
    await t.delete('vm/web');
  });
});

describe('a disk that comes back into the spec', () => {
  test.concurrent('after it was detached is attached again with what it holds', async () => {
    const { t, pid } = await running(data());
    const kept = volumeAt(t, 'scsi1');
    await apply(t);
    await soon(() => expect(drive(t, 'scsi1')).toBe(''));
    await settled(t, pid);
    await apply(t, data({ importFrom: 'local:import/data.qcow2' }));
    await soon(async () => {
      const { message } = condition(await t.vm('web'), 'Synced');
      expect(message).toContain(`the VM still has its volume ${kept} (unused0)`);
    });
    await apply(t, data({ size: '12Gi' }));
    await soon(() => expect(drive(t, 'scsi1')).toContain('size=12G'));
    await settled(t, pid);
    expect(volumeAt(t, 'scsi1')).toBe(kept);
    expect([...guestOf(t).config.keys()].filter((key) => key.startsWith('unused'))).toEqual([]);
  });

  test.concurrent(
    'at once, whatever its policy, is the same disk or a new one, and never missing',
    async () => {
      const scratch = { name: 'scratch', size: '1Gi', reclaimPolicy: 'Delete' };
      const { t, pid } = await running(data(), scratch);
      const kept = volumeAt(t, 'scsi1');
      for (const wait of [0, 20, 60, 150]) {
        await apply(t);
        await new Promise((resolve) => setTimeout(resolve, wait));
        await apply(t, data(), scratch);
        await settled(t, pid);
        expect(volumeAt(t, 'scsi1')).toBe(kept);
        expect(drive(t, 'scsi2')).toContain('serial=scratch');
      }
    },
  );
});
