/** What others do in Proxmox VE is followed, undone or reported; it never makes a second guest. */
import { expect, test } from '@jest/globals';
import { operatorAtWork } from '../harness/at-work.ts';
import { cloneRequests, guestNamed, images, ownGuests } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { condition, tenant, userData, vm } from './tenant.ts';

const lab = operatorAtWork({ namespaces: 9 });

test.concurrent(
  'vm-deleted-in-ui-does-not-recreate-by-default: a guest that was removed in Proxmox VE is reported',
  async () => {
    const t = await tenant(lab.plane);
    await t.apply(vm('web', { userData }));
    await t.ready('vm/web');
    t.pve.outside.delete(guestNamed(t.pve, 'web').vmid);
    await soon(async () => expect(condition(await t.vm('web')).is).toBe('Ready=False GuestMissing'));
    await t.lookAgain();
    await t.delete('vm/web');
    expect(cloneRequests(t.pve)).toHaveLength(1);
    expect(images(t.pve)).toEqual([]);
  },
);

test.concurrent('vm-migrated-in-ui-is-followed: a guest that was migrated in Proxmox VE', async () => {
  const t = await tenant(lab.plane);
  await t.apply(vm('web'));
  await t.ready('vm/web');
  const guest = guestNamed(t.pve, 'web');
  const target = guest.node === 'pve-3' ? 'pve-2' : 'pve-3';
  t.pve.outside.migrate(guest.vmid, target);
  await soon(async () => {
    const object = await t.vm('web');
    expect(object.status.node).toBe(target);
    expect(condition(object).is).toBe('Ready=True Reconciled');
  });
  await t.delete('vm/web');
  expect(ownGuests(t.pve)).toEqual([]);
});

test.concurrent('a guest that was renamed in Proxmox VE is recognized by its mark', async () => {
  const t = await tenant(lab.plane);
  await t.apply(vm('web'));
  await t.ready('vm/web');
  const { vmid } = guestNamed(t.pve, 'web');
  t.pve.outside.rename(vmid, 'renamed');
  await t.patch('vm/web', { spec: { powerState: 'Off' } });
  await soon(() => expect(t.pve.state.guests.get(vmid)?.running).toBeUndefined());
  await t.ready('vm/web');
  expect(cloneRequests(t.pve)).toHaveLength(1);
  await t.delete('vm/web');
  expect(ownGuests(t.pve)).toEqual([]);
});

test.concurrent('a guest without our mark is left alone, also when its object is deleted', async () => {
  const t = await tenant(lab.plane);
  await t.apply(vm('web'));
  await t.ready('vm/web');
  const { vmid } = guestNamed(t.pve, 'web');
  t.pve.outside.edit(vmid, { description: 'mine now' });
  t.pve.outside.stop(vmid);
  await soon(async () => expect(condition(await t.vm('web')).is).toBe('Ready=False MarkMissing'));
  t.pve.outside.edit(vmid, { smbios1: 'uuid=11111111-2222-4333-8444-555555555555' });
  await t.lookAgain();
  await soon(async () => expect(condition(await t.vm('web')).is).toBe('Ready=False NotOurs'));
  expect(t.pve.state.guests.get(vmid)?.running).toBeUndefined();
  await t.delete('vm/web');
  expect(t.pve.state.guests.get(vmid)?.get('description')).toBe('mine now');
});

test.concurrent('a foreign guest with the number of a guest that was removed is left alone', async () => {
  const t = await tenant(lab.plane);
  await t.apply(vm('web'));
  await t.ready('vm/web');
  const { vmid } = guestNamed(t.pve, 'web');
  t.pve.outside.delete(vmid);
  t.pve.addGuest({ vmid, node: 'pve-2', config: { name: 'web', scsi0: 'nvme-storage:5' } });
  const foreign = t.pve.state.guests.get(vmid);
  const digest = foreign?.digest;
  await t.patch('vm/web', { spec: { description: 'ours' } });
  await soon(async () => expect(condition(await t.vm('web')).is).toBe('Ready=False NotOurs'));
  await t.delete('vm/web');
  expect(t.pve.state.guests.get(vmid)).toBe(foreign);
  expect(foreign?.digest).toBe(digest);
  expect(cloneRequests(t.pve)).toHaveLength(1);
});

test.concurrent('a guest whose mark is restored is managed again', async () => {
  const t = await tenant(lab.plane);
  await t.apply(vm('web'));
  await t.ready('vm/web');
  const guest = guestNamed(t.pve, 'web');
  t.pve.outside.edit(guest.vmid, { description: null });
  t.pve.outside.stop(guest.vmid);
  const mark = await soon(async () => {
    const { is, message } = condition(await t.vm('web'));
    expect(is).toBe('Ready=False MarkMissing');
    return /virtrigaud: \S+( uuid=\S+)?/.exec(message)?.[0] ?? '';
  });
  t.pve.outside.edit(guest.vmid, { description: mark });
  await t.lookAgain();
  await t.ready('vm/web');
  expect(guest.running).toBeDefined();
});

test.concurrent(
  'locked-vm-waits: a locked guest is waited for, and changed when the lock is cleared',
  async () => {
    const t = await tenant(lab.plane);
    await t.apply(vm('web'));
    await t.ready('vm/web');
    const { vmid } = guestNamed(t.pve, 'web');
    t.pve.outside.lock(vmid, 'backup');
    await t.patch('vm/web', { spec: { powerState: 'Off' } });
    await soon(async () => {
      const { is, message } = condition(await t.vm('web'));
      expect(is).toBe('Ready=False Locked');
      expect(message).toContain('the lock "backup"');
    });
    expect(guestNamed(t.pve, 'web').running).toBeDefined();
    t.pve.outside.unlock(vmid);
    await soon(() => expect(guestNamed(t.pve, 'web').running).toBeUndefined());
    await t.ready('vm/web');
  },
);

test.concurrent(
  'the guest of a cluster that was rebuilt from Git is adopted by hand, never duplicated',
  async () => {
    // Another PVE cluster gives the same number to a VM that has nothing to do with it.
    const [t, elsewhere] = await Promise.all([tenant(lab.plane), tenant(lab.plane)]);
    await Promise.all([t.apply(vm('web')), elsewhere.apply(vm('other'))]);
    await Promise.all([t.ready('vm/web'), elsewhere.ready('vm/other')]);
    const guest = guestNamed(t.pve, 'web');
    expect(guestNamed(elsewhere.pve, 'other').vmid).toBe(guest.vmid);
    // The object is removed without the operator, as if its API server had been lost.
    await t.patch('vm/web', { spec: { managementPolicy: 'Paused' } });
    await soon(async () => expect(condition(await t.vm('web')).is).toBe('Ready=Unknown ManagementPaused'));
    await lab.plane.api.remove(t.path('web'));
    await lab.plane.api.patch(t.path('web'), { metadata: { finalizers: null } });
    expect(t.pve.state.guests.has(guest.vmid)).toBe(true);
    t.pve.outside.rename(guest.vmid, 'old-web');
    await t.apply(vm('web'));
    const mark = await soon(async () => {
      const { is, message } = condition(await t.vm('web'));
      expect(is).toBe('Ready=False BelongsToFormerObject');
      expect(message).toContain(`VM ${guest.vmid}`);
      return /virtrigaud: \S+( uuid=\S+)?/.exec(message)?.[0] ?? '';
    });
    const lines = (guest.get('description') ?? '').split('\n');
    t.pve.outside.edit(guest.vmid, { description: [...lines.slice(0, -1), mark].join('\n') });
    await t.lookAgain();
    await t.ready('vm/web');
    expect((await t.vm('web')).status.vmid).toBe(guest.vmid);
    expect(ownGuests(t.pve)).toHaveLength(1);
    expect(cloneRequests(t.pve)).toHaveLength(1);
    await t.delete('vm/web');
    expect(ownGuests(t.pve)).toEqual([]);
  },
);
