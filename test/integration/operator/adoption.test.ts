/** A guest that exists is taken over by spec.adopt: looked at first if asked, then kept as the spec says. */
import { describe, expect, test } from '@jest/globals';
import { operatorAtWork } from '../harness/at-work.ts';
import { changes, cloneRequests, ownGuests, tasksDone } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { condition, manifest, tenant, type Tenant } from './tenant.ts';

const lab = operatorAtWork({ namespaces: 11 });

const VMID = 105;
const MORE_MEMORY = expect.arrayContaining([{ key: 'memory', current: '1024', pending: '2048' }]);
const UUID = '11111111-2222-4333-8444-555555555555';

/** Without an image: nothing is made from one. */
const adopter = (name: string, spec: object = {}) =>
  manifest('VirtualMachine', name, {
    providerRef: { name: 'pve' },
    classRef: { name: 'small' },
    adopt: { vmid: VMID },
    ...spec,
  });

/** A guest that somebody made, with half the memory that the class asks for, and runs. */
async function withGuest(config: Readonly<Record<string, string | number>> = {}) {
  const t = await tenant(lab.plane);
  t.pve.addGuest({
    vmid: VMID,
    node: 'pve-2',
    config: {
      name: 'old-db',
      cores: 2,
      memory: 1024,
      agent: 1,
      description: 'Made by hand in 2019.',
      smbios1: `uuid=${UUID}`,
      scsi0: 'nvme-storage:10',
      scsi5: 'nvme-storage:20',
      boot: 'order=scsi0',
      net0: 'virtio=02:00:00:00:00:01,bridge=vmbr1',
      ...config,
    },
  });
  t.pve.outside.start(VMID);
  const guest = t.pve.state.guests.get(VMID)!;
  return { t, guest };
}

const patch = (t: Tenant, name: string, spec: object) => t.patch(`vm/${name}`, { spec });

describe('a VM that exists', () => {
  test.concurrent(
    'is taken over and brought to the spec, keeping what the spec does not speak of',
    async () => {
      const { t, guest } = await withGuest();
      const [disk, since] = [guest.get('scsi5'), guest.running?.since];
      await t.apply(adopter('db'));
      await t.ready('vm/db');
      const object = await t.vm('db');
      expect(object.status).toMatchObject({ vmid: VMID, node: 'pve-2', adopted: true, phase: 'Running' });
      expect(guest.get('description')).toMatch(/^Made by hand in 2019\.\n\nvirtrigaud: .*\/db\//);
      expect(object.status).toMatchObject({ pendingChanges: MORE_MEMORY });
      expect(condition(object, 'RestartRequired').is).toBe('RestartRequired=True PendingChanges');
      expect(guest.get('smbios1')).toBe(`uuid=${UUID}`);
      expect([guest.get('scsi5'), guest.get('net0'), guest.get('name')]).toEqual([
        disk,
        'virtio=02:00:00:00:00:01,bridge=vmbr1',
        'old-db',
      ]);
      expect(guest.running?.since).toBe(since);
      expect(cloneRequests(t.pve)).toEqual([]);
      await soon(async () =>
        expect((await t.events('Adopting'))[0]?.note).toContain(
          `Adopting VM ${VMID} on node pve-2. It differs from the spec in: `,
        ),
      );
    },
  );

  test.concurrent('stays in Proxmox VE when its object goes, without our mark', async () => {
    const { t, guest } = await withGuest();
    await t.apply(adopter('db'));
    await t.ready('vm/db');
    await patch(t, 'db', { adopt: null, imageRef: { name: 'ubuntu' } });
    expect(guest.pending.get('memory')).toBe('2048');
    // What others changed stays.
    guest.pending.set('ostype', 'l26');
    await t.delete('vm/db');
    expect([...guest.pending.keys()]).toEqual(['ostype']);
    expect(guest.running).toBeDefined();
    expect(guest.get('description')).toBe('Made by hand in 2019.');
  });

  test.concurrent('goes with its object where the spec says so', async () => {
    const { t } = await withGuest();
    await t.apply(adopter('db', { deletionPolicy: 'Delete' }));
    await t.ready('vm/db');
    await t.delete('vm/db');
    expect(t.pve.state.guests.has(VMID)).toBe(false);
  });

  test.concurrent('is only looked at with ObserveOnly, and then taken over', async () => {
    const { t, guest } = await withGuest();
    const before = [...guest.config];
    await t.apply(adopter('db', { managementPolicy: 'ObserveOnly' }));
    await soon(async () => {
      const object = await t.vm('db');
      expect(object.status).toMatchObject({ vmid: VMID, node: 'pve-2', powerState: 'On' });
      expect(condition(object, 'Synced').is).toBe('Synced=False ObserveOnly');
      expect(condition(object, 'Synced').message).toMatch(
        / To match the spec, it would: adopt the VM .*; change .*memory/,
      );
    });
    expect([...guest.config]).toEqual(before);
    expect(changes(t.pve)).toEqual([]);
    await patch(t, 'db', { managementPolicy: 'Full' });
    await soon(async () => expect((await t.vm('db')).status).toMatchObject({ pendingChanges: MORE_MEMORY }));
    await t.ready('vm/db');
    expect(guest.get('description')).toContain('virtrigaud: ');
  });

  test.concurrent('is released untouched when its object is deleted before it was taken over', async () => {
    const { t, guest } = await withGuest();
    const before = [...guest.config];
    t.pve.outside.lock(VMID, 'backup');
    await t.apply(adopter('db', { deletionPolicy: 'Delete' }));
    await soon(async () => expect(condition(await t.vm('db')).is).toBe('Ready=False Locked'));
    await t.delete('vm/db');
    t.pve.outside.unlock(VMID);
    expect([...guest.config]).toEqual(before);
    expect(guest.running).toBeDefined();
  });

  test.concurrent('becomes the VM of one of two objects that ask for it', async () => {
    const { t, guest } = await withGuest();
    await t.apply(adopter('one'), adopter('two'));
    const names = await soon(async () => {
      const reported = (await t.list('virtualmachines')).map((object) => [
        condition(object).is,
        object.metadata.name,
      ]);
      expect(reported.map(([is]) => is).toSorted()).toEqual([
        'Ready=False NotAdoptable',
        'Ready=True Reconciled',
      ]);
      return Object.fromEntries(reported) as Record<string, string>;
    });
    expect(guest.get('description')).toContain(`/${names['Ready=True Reconciled'] ?? ''}/`);
    const { message } = condition(await t.vm(names['Ready=False NotAdoptable'] ?? ''));
    expect(message).toContain(
      `belongs to VirtualMachine ${t.namespace}/${names['Ready=True Reconciled'] ?? ''}`,
    );
    expect(ownGuests(t.pve)).toHaveLength(1);
  });

  test.concurrent('that was made for an earlier object of the name is taken over', async () => {
    const { t, guest } = await withGuest({ name: 'db' });
    const mark = `virtrigaud: another-cluster/${t.namespace}/db/7b0a0b2c-5a55-4f0e-9b0c-3c1f6a0e9d11`;
    t.pve.outside.edit(VMID, { description: mark });
    const { adopt: _adopt, ...spec } = adopter('db').spec as Record<string, unknown>;
    await t.apply(manifest('VirtualMachine', 'db', { ...spec, imageRef: { name: 'ubuntu' } }));
    await soon(async () => {
      const { is, message } = condition(await t.vm('db'));
      expect(is).toBe('Ready=False BelongsToFormerObject');
      expect(message).toContain(`set spec.adopt.vmid to ${VMID}`);
    });
    await patch(t, 'db', { adopt: { vmid: VMID } });
    await soon(async () => expect(condition(await t.vm('db')).is).toBe('Ready=False NotAdoptable'));
    await patch(t, 'db', { adopt: { vmid: VMID, confirmMark: mark } });
    await t.ready('vm/db');
    expect(guest.get('description')).not.toContain('another-cluster');
    expect(cloneRequests(t.pve)).toEqual([]);
  });
});

describe('what cannot be adopted is left alone and reported', () => {
  test.concurrent.each([
    ['a number that nobody has', 4711, 'AdoptedVMNotFound', 'VM 4711 not found in Proxmox VE'],
    ['a template', 9000, 'NotAdoptable', 'VM 9000 is a template'],
  ])('%s', async (_what, vmid, reason, says) => {
    const t = await tenant(lab.plane);
    await t.apply(adopter('db', { adopt: { vmid }, imageRef: { name: 'ubuntu' } }));
    await soon(async () => {
      const { is, message } = condition(await t.vm('db'));
      expect(is).toBe(`Ready=False ${reason}`);
      expect(message).toContain(says);
    });
    expect(changes(t.pve)).toEqual([]);
    expect(tasksDone(t.pve, 'qmclone')).toBe(0);
    await t.delete('vm/db');
  });

  test.concurrent('the VM of another object', async () => {
    const { t, guest } = await withGuest();
    await t.apply(adopter('db'));
    await t.ready('vm/db');
    const before = guest.get('description');
    await t.apply(adopter('thief', { deletionPolicy: 'Delete' }));
    await soon(async () => expect(condition(await t.vm('thief')).is).toBe('Ready=False NotAdoptable'));
    await t.delete('vm/thief');
    expect(guest.get('description')).toBe(before);
    expect(guest.running).toBeDefined();
  });
});

test.concurrent(
  'a Provider lists the VMs that could be adopted where it is asked to, and adopts none',
  async () => {
    const { t } = await withGuest();
    const listed = async () => (await t.find('providers', 'pve'))?.status['discovered'];
    await t.ready('provider/pve');
    expect(await listed()).toBeUndefined();
    await t.annotate('provider/pve', {
      'virtrigaud.io/adopt-vms': 'true',
      'virtrigaud.io/adopt-filter': '{"namePattern":"old-*"}',
    });
    const row = { vmid: VMID, name: 'old-db', node: 'pve-2', powerState: 'On', cpus: 2, memory: '1Gi' };
    await soon(async () => expect(await listed()).toEqual({ count: 1, vms: [row] }));
    expect(changes(t.pve)).toEqual([]);
    await t.apply(adopter('db'));
    await t.ready('vm/db');
    await soon(async () => expect(await listed()).toEqual({ count: 0, vms: [] }));
  },
);
