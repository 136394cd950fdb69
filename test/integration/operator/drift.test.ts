/** Changes made in Proxmox VE are reported or reverted, by the VM's drift policy; a changed spec is always applied. */
import { expect, test } from '@jest/globals';
import { operatorAtWork } from '../harness/at-work.ts';
import { changes, guestNamed } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { condition, manifest, tenant, type Tenant, vm } from './tenant.ts';

const lab = operatorAtWork({ namespaces: 5 });

async function running(spec: object = {}): Promise<Tenant> {
  const t = await tenant(lab.plane);
  await t.apply(vm('web', spec));
  await t.ready('vm/web');
  return t;
}

/** As a person with the web interface would; fewer CPUs show in the list of guests, so they are noticed at once. */
const edit = (t: Tenant, options: Readonly<Record<string, string | number | null>>) =>
  t.pve.outside.edit(guestNamed(t.pve, 'web').vmid, options);

const runs = (t: Tenant, key: string) => guestNamed(t.pve, 'web').get(key);

const drifted = (t: Tenant, what: string) =>
  soon(async () => {
    const object = await t.vm('web');
    const { is, message } = condition(object, 'Synced');
    expect(is).toBe('Synced=False Drifted');
    expect(message).toContain(what);
    expect(condition(object).is).toBe('Ready=True Reconciled');
    expect(object.status['message']).toContain(what);
  });

test.concurrent('is reported with its fields and left alone, unless the VM says otherwise', async () => {
  const t = await running();
  const before = changes(t.pve).length;
  edit(t, { vcpus: 1 });
  await drifted(t, 'vcpus 2 → 1');
  expect(changes(t.pve)).toHaveLength(before);
  expect(runs(t, 'vcpus')).toBe('1');
  edit(t, { vcpus: 2 });
  await soon(async () => expect(condition(await t.vm('web'), 'Synced').is).toBe('Synced=True InSync'));
});

test.concurrent('is undone with driftPolicy Revert, and the event names the fields', async () => {
  const t = await running({ driftPolicy: 'Revert' });
  edit(t, { vcpus: 1, vga: 'qxl', tags: 'mine' });
  await soon(() => expect(runs(t, 'vcpus')).toBe('2'));
  await soon(async () => {
    const notes = (await t.events('RevertingDrift')).map(({ note }) => note);
    expect(notes.join('\n')).toContain('vcpus 2 → 1');
  });
  await t.ready('vm/web');
  // What is not ours is kept.
  expect(runs(t, 'vga')).toBe('qxl');
  expect(runs(t, 'tags')).toBe('mine');
});

test.concurrent(
  'is overruled by a change of the class or the spec, and by a change of the policy',
  async () => {
    const t = await running();
    edit(t, { vcpus: 1 });
    await drifted(t, 'vcpus 2 → 1');
    await t.apply(manifest('VMClass', 'small', { cpus: 2, memory: '2Gi', maxMemory: '4Gi' }));
    await soon(() => expect(runs(t, 'vcpus')).toBe('2'));
    await soon(async () => expect(condition(await t.vm('web'), 'Synced').is).toBe('Synced=True InSync'));
    edit(t, { vcpus: 3 });
    await drifted(t, 'vcpus 2 → 3');
    await t.patch('vm/web', { spec: { driftPolicy: 'Revert' } });
    await soon(() => expect(runs(t, 'vcpus')).toBe('2'));
  },
);

test.concurrent('does not keep the power state from being enforced', async () => {
  const t = await running();
  edit(t, { vcpus: 1 });
  t.pve.outside.stop(guestNamed(t.pve, 'web').vmid);
  await soon(() => expect(guestNamed(t.pve, 'web').running).toBeDefined());
  await drifted(t, 'vcpus 2 → 1');
});

test.concurrent('is reported while the operator was away, too', async () => {
  const t = await running();
  await lab.restart(() => edit(t, { vcpus: 1 }));
  await drifted(t, 'vcpus 2 → 1');
});
