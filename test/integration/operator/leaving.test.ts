/** What stays in Proxmox VE when an object is deleted: by its policy, or by force. */
import { describe, expect, test } from '@jest/globals';
import { operatorAtWork } from '../harness/at-work.ts';
import { guestNamed, images, orphans, ownGuests, tasksDone } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { condition, tenant, type Tenant, userData, vm } from './tenant.ts';

const lab = operatorAtWork({ namespaces: 8 });

/** The event of that reason in the tenant's namespace. */
const eventOf = (t: Tenant, reason: string) =>
  soon(async () => {
    const [event] = await t.events(reason);
    expect(event).toBeDefined();
    return event!;
  });

/** The guest agent has answered, so the guest has booted. */
const booted = (t: Tenant, name: string) =>
  soon(async () => expect((await t.vm(name)).status.ipAddresses).not.toEqual([]));

describe('deletionPolicy', () => {
  test.concurrent('Retain leaves the guest running, without our mark and without our image', async () => {
    const t = await tenant(lab.plane);
    await t.apply(vm('web', { userData, deletionPolicy: 'Retain' }));
    await t.ready('vm/web');
    await booted(t, 'web');
    const guest = guestNamed(t.pve, 'web');
    const marked = guest.get('description') ?? '';
    t.pve.outside.edit(guest.vmid, { description: `Ask Ann before you touch this.\n\n${marked}` });
    await t.delete('vm/web');
    expect(guest.running).toBeDefined();
    expect(guest.get('description')).toBe('Ask Ann before you touch this.');
    expect(guest.get('ide2')).toContain('none');
    expect(images(t.pve)).toEqual([]);
    expect(tasksDone(t.pve, 'qmdestroy') + tasksDone(t.pve, 'qmshutdown')).toBe(0);
    const { note } = await eventOf(t, 'Retained');
    expect(note).toContain(`VM ${guest.vmid} on node ${guest.node}`);
  });

  test.concurrent("Retain without a text of the user's own leaves no description at all", async () => {
    const t = await tenant(lab.plane);
    await t.apply(vm('web', { powerState: 'Off', deletionPolicy: 'Retain' }));
    await t.ready('vm/web');
    const guest = guestNamed(t.pve, 'web');
    await t.delete('vm/web');
    expect(guest.get('description')).toBeUndefined();
    expect(t.pve.state.guests.has(guest.vmid)).toBe(true);
  });

  test.concurrent('Stop shuts the guest down and leaves it', async () => {
    const t = await tenant(lab.plane);
    await t.apply(vm('web', { userData, deletionPolicy: 'Stop' }));
    await t.ready('vm/web');
    await booted(t, 'web');
    const guest = guestNamed(t.pve, 'web');
    await t.delete('vm/web');
    expect(guest.running).toBeUndefined();
    expect(guest.get('description')).toBeUndefined();
    expect(tasksDone(t.pve, 'qmshutdown')).toBe(1);
    expect(images(t.pve)).toEqual([]);
  });

  test.concurrent(
    'may be changed until the object is deleted, also by a deletion that has begun',
    async () => {
      const t = await tenant(lab.plane);
      await t.apply(vm('web'));
      await t.ready('vm/web');
      const guest = guestNamed(t.pve, 'web');
      t.pve.outside.lock(guest.vmid, 'backup');
      await t.requestDeletion('vm/web');
      await soon(async () => expect(condition(await t.vm('web'), 'Reconciling').is).toContain('Locked'));
      await t.patch('vm/web', { spec: { deletionPolicy: 'Retain' } });
      t.pve.outside.unlock(guest.vmid);
      await t.gone('vm/web');
      expect(guest.running).toBeDefined();
      expect(t.pve.state.guests.has(guest.vmid)).toBe(true);
    },
  );
});

describe('an object that is deleted by force', () => {
  const force = (t: Tenant) => t.annotate('vm/web', { 'virtrigaud.io/force-delete': 'true' });

  test.concurrent('is removed although its guest is locked, and names what it leaves', async () => {
    const t = await tenant(lab.plane);
    await t.apply(vm('web', { userData }));
    await t.ready('vm/web');
    const guest = guestNamed(t.pve, 'web');
    const [image] = images(t.pve);
    t.pve.outside.lock(guest.vmid, 'backup');
    await t.requestDeletion('vm/web');
    await soon(async () => expect(condition(await t.vm('web'), 'Reconciling').is).toContain('Locked'));
    await force(t);
    await t.gone('vm/web');
    expect(ownGuests(t.pve)).toHaveLength(1);
    const { type, note } = await eventOf(t, 'DeletedByForce');
    expect(type).toBe('Warning');
    for (const part of [`VM ${guest.vmid}`, `node ${guest.node}`, image!.name]) expect(note).toContain(part);
    expect((await t.find('providers', 'pve'))?.status['discovered']).toMatchObject({
      count: 1,
      vms: [{ vmid: guest.vmid, name: 'web', powerState: 'On', forceDeleted: true }],
    });
  });

  test.concurrent('is removed although Proxmox VE does not answer', async () => {
    const t = await tenant(lab.plane);
    await t.apply(vm('web'));
    await t.ready('vm/web');
    await t.pve.close();
    await t.requestDeletion('vm/web');
    await force(t);
    await t.gone('vm/web');
    expect((await eventOf(t, 'DeletedByForce')).note).toMatch(/VM \d+ on node /);
  });

  test.concurrent('is removed although its Provider is gone', async () => {
    const t = await tenant(lab.plane);
    await t.apply(vm('web'));
    await t.ready('vm/web');
    // With the copy of its credentials the deletion would end.
    t.pve.outside.lock(guestNamed(t.pve, 'web').vmid, 'backup');
    await t.requestDeletion('provider/pve');
    await t.patch('provider/pve', { metadata: { finalizers: null } });
    await t.requestDeletion('vm/web');
    await soon(async () =>
      expect(condition(await t.vm('web'), 'Reconciling').is).toMatch(/ProviderNotFound|Locked/),
    );
    await force(t);
    await t.gone('vm/web');
    expect(ownGuests(t.pve)).toHaveLength(1);
    expect(orphans(t.pve)).toEqual([]);
  });
});

test('many deletions at once touch no guest until they are confirmed, also after a restart of the operator', async () => {
  const t = await tenant(lab.plane);
  await t.patch('provider/pve', { spec: { deletionProtection: { maxPerMinute: 2 } } });
  const names = ['a', 'b', 'c', 'kept'];
  for (const name of names) await t.apply(vm(name));
  for (const name of names) await t.ready(`vm/${name}`);
  const guests = names.map((name) => guestNamed(t.pve, name));
  const holding = async (name: string) =>
    soon(async () => expect(condition(await t.vm(name), 'Reconciling').is).toContain('DeletionsHeld'));
  await Promise.all(names.map((name) => t.requestDeletion(`vm/${name}`)));
  for (const name of names) await holding(name);
  await soon(async () => {
    const stored = await t.find('providers', 'pve');
    expect(condition(stored, 'DeletionsHeld').is).toBe('DeletionsHeld=True DeletionsHeld');
    expect(stored?.status['deletionsHeldSince']).toBeDefined();
  });
  await t.patch('vm/kept', { spec: { deletionPolicy: 'Retain' } });
  await t.gone('vm/kept');
  await lab.restart(() => undefined);
  for (const name of ['a', 'b', 'c']) await holding(name);
  expect(guests.every(({ running }) => running !== undefined)).toBe(true);
  await t.annotate('provider/pve', { 'virtrigaud.io/confirm-deletions': new Date().toISOString() });
  for (const name of ['a', 'b', 'c']) await t.gone(`vm/${name}`);
  expect(guests.map(({ vmid }) => t.pve.state.guests.has(vmid))).toEqual([false, false, false, true]);
  await soon(async () =>
    expect((await t.find('providers', 'pve'))?.status['deletionsHeldSince']).toBeUndefined(),
  );
});
