/** managementPolicy: the changes that it withholds are reported and not made, under any circumstances. */
import { expect, test } from '@jest/globals';
import { operatorAtWork } from '../harness/at-work.ts';
import { changes, guestNamed, ownGuests } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { condition, tenant, type Tenant, vm } from './tenant.ts';

const lab = operatorAtWork({ namespaces: 3 });

const patch = (t: Tenant, spec: object) => t.patch('vm/web', { spec });

async function made(spec: object = {}) {
  const t = await tenant(lab.plane);
  await t.apply(vm('web', spec));
  await t.ready('vm/web');
  return { t, guest: guestNamed(t.pve, 'web') };
}

const withheld = (t: Tenant, by: string, what: string) =>
  soon(async () => {
    const object = await t.vm('web');
    const synced = condition(object, 'Synced');
    expect(synced.is).toBe(`Synced=False ${by}`);
    expect(synced.message).toContain(what);
    expect(object.status['message']).toContain(what);
    return object;
  });

test.concurrent(
  'ObserveOnly reports what the spec asks for, changes nothing, and lets the object be deleted without its guest',
  async () => {
    const { t, guest } = await made();
    await patch(t, { managementPolicy: 'ObserveOnly', description: 'the shop', powerState: 'Off' });
    const object = await withheld(t, 'ObserveOnly', 'stop the VM');
    expect(condition(object, 'Synced').message).toContain('change description');
    expect(condition(object).is).toBe('Ready=False ObserveOnly');
    const [config, done] = [[...guest.config], changes(t.pve).length];
    t.pve.outside.stop(guest.vmid);
    await soon(async () => expect((await t.vm('web')).status.powerState).toBe('Off'));
    await t.delete('vm/web');
    expect(changes(t.pve)).toHaveLength(done);
    expect([...guest.config]).toEqual(config);
    await soon(async () => expect((await t.events('Retained'))[0]?.note).toContain(`VM ${guest.vmid}`));
  },
);

test.concurrent('CreateOnly makes and starts the VM once, and from then on only reports', async () => {
  const { t, guest } = await made({ managementPolicy: 'CreateOnly' });
  expect(guest.running).toBeDefined();
  await patch(t, { description: 'the shop' });
  await withheld(t, 'CreateOnly', 'change description');
  t.pve.outside.stop(guest.vmid);
  await withheld(t, 'CreateOnly', 'start the VM');
  expect(guest.running).toBeUndefined();
  expect(guest.get('description')).not.toContain('the shop');
  await t.delete('vm/web');
  expect(ownGuests(t.pve)).toEqual([]);
});

test.concurrent('Paused does nothing, holds a deletion and reports how to resume', async () => {
  const { t, guest } = await made();
  await patch(t, { managementPolicy: 'Paused', powerState: 'Off' });
  await soon(async () => expect(condition(await t.vm('web')).is).toBe('Ready=Unknown ManagementPaused'));
  await t.requestDeletion('vm/web');
  await soon(async () => {
    const { is, message } = condition(await t.vm('web'), 'Reconciling');
    expect(is).toBe('Reconciling=True ManagementPaused');
    expect(message).toContain('Set managementPolicy to Full');
  });
  expect(guest.running).toBeDefined();
  await patch(t, { managementPolicy: 'Full' });
  await t.gone('vm/web');
  expect(ownGuests(t.pve)).toEqual([]);
});
