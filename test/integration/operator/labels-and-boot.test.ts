/** Tags, description, startup order, onboot, protection and CPU type: set as the spec says, and else left alone. */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { shippedCluster } from '../../fakepve/cluster-file.ts';
import { operatorAtWork } from '../harness/at-work.ts';
import { changes, guestNamed, ownGuests } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { condition, manifest, type Tenant, tenant, vm } from './tenant.ts';

const lab = operatorAtWork({ namespaces: 6 });

const patch = (t: Tenant, spec: object) => t.patch('vm/web', { spec });

async function ready(spec: object = {}, options: Parameters<typeof tenant>[1] = {}) {
  const t = await tenant(lab.plane, options);
  await t.apply(vm('web', spec));
  await t.ready('vm/web');
  return { t, guest: guestNamed(t.pve, 'web') };
}

/** The document's cluster, with other options or rights. */
const cluster = (change: object) => {
  const document = shippedCluster('document');
  return { cluster: { ...document, name: `lab-${randomBytes(4).toString('hex')}`, ...change } };
};

describe('tags', () => {
  test.concurrent('are added and removed with the spec, and those of others stay', async () => {
    const { t, guest } = await ready({ tags: ['Web', 'prod'] });
    expect(guest.tags).toEqual(['prod', 'web']);
    t.pve.outside.edit(guest.vmid, { tags: 'Prod;theirs;WEB' });
    const before = changes(t.pve).length;
    await patch(t, { tags: ['prod', 'web'] }); // the same as a set: nothing is written
    await soon(async () => expect((await t.vm('web')).status['observedGeneration']).toBe(2));
    expect(changes(t.pve)).toHaveLength(before);
    await patch(t, { tags: ['web', 'new'] });
    await soon(() => expect([...guest.tags].sort()).toEqual(['new', 'theirs', 'web']));
    await patch(t, { tags: null });
    await soon(() => expect(guest.tags).toEqual(['theirs']));
    await soon(async () => expect((await t.vm('web')).status['internal']).not.toHaveProperty('tags'));
  });

  test.concurrent('that the datacenter does not allow are reported and hold nothing back', async () => {
    const forbidding = cluster({ options: { 'user-tag-access': 'user-allow=none' } });
    const { t, guest } = await ready({ tags: ['web'], onBoot: true, startup: { order: 3 } }, forbidding);
    const { is, message } = condition(await t.vm('web'), 'Synced');
    expect(is).toBe('Synced=False Different');
    expect(message).toContain("Sys.Modify for modifying tag 'web'");
    expect(message).toContain('spec.startup is not in effect');
    expect(guest.get('onboot')).toBe('1');
    expect(guest.tags).toEqual(['template']); // the template's own may not be removed either
    expect(guest.running).toBeDefined();
    t.pve.state.options.set('user-tag-access', 'user-allow=free');
    await patch(t, { tags: ['web', 'free'] });
    await soon(() => expect([...guest.tags].sort()).toEqual(['free', 'template', 'web']));
  });
});

test.concurrent(
  'the description is written above our line, and people’s own text is kept without it',
  async () => {
    const { t, guest } = await ready();
    const mark = /^virtrigaud: .*$/m.exec(guest.get('description') ?? '')?.[0] ?? '';
    t.pve.outside.edit(guest.vmid, { description: `Ask Ada.\n\n${mark}` });
    await patch(t, { onBoot: true });
    await soon(() => expect(guest.get('onboot')).toBe('1'));
    expect(guest.get('description')).toBe(`Ask Ada.\n\n${mark}`);
    await patch(t, { description: 'The shop.\nAsk Bob.' });
    await soon(() => expect(guest.get('description')).toBe(`The shop.\nAsk Bob.\n\n${mark}`));
    await t.ready('vm/web');
    await t.delete('vm/web');
    expect(ownGuests(t.pve)).toEqual([]);
  },
);

test.concurrent('startup order and onboot are set where the credentials may', async () => {
  const { roles } = shippedCluster('document');
  const rights = [...(roles['VirtRigaud'] ?? []), 'Sys.Modify'];
  const spec = { onBoot: true, startup: { order: 2, upDelay: '30s', downDelay: '1m30s' } };
  const { t, guest } = await ready(spec, cluster({ roles: { ...roles, VirtRigaud: rights } }));
  expect(guest.get('startup')).toBe('order=2,up=30,down=90');
  expect(guest.get('onboot')).toBe('1');
  await patch(t, { onBoot: false, startup: { order: 5 } });
  await soon(() => expect(guest.get('startup')).toContain('order=5'));
  expect(guest.get('onboot')).toBe('0');
  await patch(t, { onBoot: null, startup: null });
  await soon(async () => expect((await t.vm('web')).status['observedGeneration']).toBe(3));
  expect(guest.get('startup')).toContain('order=5');
});

test.concurrent('protection-mode-delete', async () => {
  const { t, guest } = await ready({ protection: true });
  expect(guest.get('protection')).toBe('1');
  await t.requestDeletion('vm/web');
  await soon(async () => {
    const { is, message } = condition(await t.vm('web'), 'Stalled');
    expect(is).toBe('Stalled=True Protected');
    expect(message).toContain('{"spec":{"protection":false}}');
  });
  expect(guest.running).toBeDefined();
  await patch(t, { protection: false });
  await t.gone('vm/web');
  expect(ownGuests(t.pve)).toEqual([]);
});

test.concurrent('the CPU type of the class is set at creation, and waits for a restart later', async () => {
  const typed = (cpuType: string) => manifest('VMClass', 'typed', { cpus: 2, memory: '2Gi', cpuType });
  const t = await tenant(lab.plane);
  await t.apply(typed('host'), vm('web', { classRef: { name: 'typed' } }));
  await t.ready('vm/web');
  const guest = guestNamed(t.pve, 'web');
  expect(guest.get('cpu')).toBe('host');
  await t.apply(typed('x86-64-v2-AES'));
  await soon(async () => {
    const object = await t.vm('web');
    expect(condition(object, 'RestartRequired').message).toContain('CPU type');
    expect(condition(object).is).toBe('Ready=True Reconciled');
  });
  expect([guest.get('cpu'), guest.pending.get('cpu')]).toEqual(['host', 'x86-64-v2-AES']);
});
