/** With the annotation nothing is changed in Proxmox VE, and status says what would be. */
import { expect, test } from '@jest/globals';
import { operatorAtWork } from '../harness/at-work.ts';
import { changes, guestNamed, ownGuests } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { condition, manifest, tenant, type Tenant, vm } from './tenant.ts';

const lab = operatorAtWork({ namespaces: 3 });

const DRY_RUN = 'virtrigaud.io/dry-run';

const planned = (t: Tenant, ...sentences: readonly string[]) =>
  soon(async () => {
    const object = await t.vm('web');
    expect(condition(object).is).toBe('Ready=False DryRun');
    const plan = object.status['plan'];
    for (const sentence of sentences) expect(plan).toContainEqual(expect.stringContaining(sentence));
  });

test.concurrent('a VM is planned and not made, until the annotation is removed', async () => {
  const t = await tenant(lab.plane);
  const { spec } = vm('web');
  await t.apply(manifest('VirtualMachine', 'web', spec, { annotations: { [DRY_RUN]: 'true' } }));
  await planned(t, 'linked clone of template 9000', 'Start it.');
  expect(changes(t.pve)).toEqual([]);
  await t.annotate('vm/web', { [DRY_RUN]: null });
  await t.ready('vm/web');
  expect((await t.vm('web')).status['plan']).toBeUndefined();
  expect(ownGuests(t.pve)).toHaveLength(1);
});

test.concurrent('an edit is planned and not made', async () => {
  const t = await tenant(lab.plane);
  await t.apply(vm('web'));
  await t.ready('vm/web');
  await t.annotate('vm/web', { [DRY_RUN]: 'true' });
  const before = changes(t.pve).length;
  await t.apply(manifest('VMClass', 'small', { cpus: 4, memory: '4Gi' }));
  await planned(t, 'vcpus 2 → 4');
  t.pve.outside.stop(guestNamed(t.pve, 'web').vmid);
  await planned(t, 'memory 2048 → 4096', 'Start the VM.');
  expect(changes(t.pve)).toHaveLength(before);
  await t.annotate('vm/web', { [DRY_RUN]: null });
  await soon(() => expect(guestNamed(t.pve, 'web').get('vcpus')).toBe('4'));
  await t.ready('vm/web');
});

test.concurrent('a deletion is held and reported, until the annotation is removed', async () => {
  const t = await tenant(lab.plane);
  await t.apply(vm('web'));
  await t.ready('vm/web');
  await t.annotate('vm/web', { [DRY_RUN]: 'true' });
  await t.requestDeletion('vm/web');
  await soon(async () => {
    const object = await t.vm('web');
    const { is, message } = condition(object, 'Reconciling');
    expect(is).toBe('Reconciling=True DryRun');
    expect(message).toContain('The deletion waits');
    expect(object.status['plan']).toEqual(['Shut down the VM.']);
  });
  expect(guestNamed(t.pve, 'web').running).toBeDefined();
  await t.annotate('vm/web', { [DRY_RUN]: null });
  await t.gone('vm/web');
  expect(ownGuests(t.pve)).toEqual([]);
});
