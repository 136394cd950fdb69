/** A VM that exists is moved to the node of spec.placement.host while it runs, or the reason against it is reported. */
import { describe, expect, test } from '@jest/globals';
import type { FakePveOptions } from '../../fakepve/index.ts';
import { operatorAtWork } from '../harness/at-work.ts';
import { guestNamed, orphans, ownGuests, tasksDone, type FakePve } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { condition, tenant, userData, vm, type Tenant } from './tenant.ts';

const lab = operatorAtWork({ namespaces: 12 });

const VOLUME = 'local:iso/tools.iso';
const FROM = 'pve-1';
const TO = 'pve-2';

/** A VM that runs on the node FROM. */
async function onNode(spec: object = {}, options: FakePveOptions = {}) {
  const t = await tenant(lab.plane, options);
  await t.apply(vm('web', { placement: { host: FROM }, ...spec }));
  await t.ready('vm/web');
  const guest = guestNamed(t.pve, 'web');
  expect(guest.node).toBe(FROM);
  return { t, guest };
}

const patch = (t: Tenant, spec: object) => t.patch('vm/web', { spec });
const moveTo = (t: Tenant, host: string) => patch(t, { placement: { host } });
const stops = (pve: FakePve) => ['qmstop', 'qmshutdown', 'qmreboot'].map((type) => tasksDone(pve, type));

async function arrived(t: Tenant, host: string): Promise<void> {
  await soon(async () => {
    const object = await t.vm('web');
    expect(object.status).toMatchObject({ node: host, internal: { host }, phase: 'Running' });
    expect(condition(object).is).toBe('Ready=True Reconciled');
    expect(condition(object, 'Synced').is).toBe('Synced=True InSync');
  });
}

describe('a VM whose spec.placement.host changes', () => {
  test.concurrent('is moved while it runs, and keeps running', async () => {
    const { t, guest } = await onNode({ userData });
    const since = guest.running?.since;
    await moveTo(t, TO);
    await arrived(t, TO);
    expect(guest).toMatchObject({ node: TO, running: { since } });
    expect(stops(t.pve)).toEqual([0, 0, 0]);
    expect(tasksDone(t.pve, 'qmigrate')).toBe(1);
    expect(orphans(t.pve)).toEqual([]);
    await soon(async () => expect((await t.events('Moving'))[0]?.note).toContain(`to node ${TO}`));
  });

  test.concurrent('is moved while it is off, before it is started again', async () => {
    const { t, guest } = await onNode();
    await patch(t, { powerState: 'Off' });
    await soon(() => expect(guest.running).toBeUndefined());
    await patch(t, { powerState: 'On', placement: { host: TO } });
    await arrived(t, TO);
    const starts = t.pve.state.tasks
      .list()
      .toReversed()
      .filter(({ type, id }) => type === 'qmstart' && id === `${guest.vmid}`);
    expect(starts.map(({ node }) => node)).toEqual([FROM, TO]);
  });

  test.concurrent('stays where it is without a word of spec.placement.host', async () => {
    const { t, guest } = await onNode();
    await patch(t, { placement: null });
    await soon(async () => expect((await t.vm('web')).status).not.toHaveProperty('internal.host'));
    await t.ready('vm/web');
    expect(guest.node).toBe(FROM);
    expect(tasksDone(t.pve, 'qmigrate')).toBe(0);
  });

  test.concurrent('is moved once, although the answer to the request is lost', async () => {
    const { t } = await onNode();
    t.pve.faults.add({ method: 'POST', path: '/migrate$', times: 1, kind: 'reset-after-effect' });
    await moveTo(t, TO);
    await arrived(t, TO);
    expect(tasksDone(t.pve, 'qmigrate')).toBe(1);
  });

  test.concurrent('is moved by HA where HA manages it', async () => {
    const { t, guest } = await onNode();
    t.pve.outside.addToHa(guest.vmid);
    await soon(async () => expect(condition(await t.vm('web'), 'Placed').is).toBe('Placed=True ManagedByHA'));
    await moveTo(t, TO);
    await arrived(t, TO);
    expect(tasksDone(t.pve, 'hamigrate')).toBe(1);
    expect(stops(t.pve)).toEqual([0, 0, 0]);
  });
});

describe('a VM that cannot be moved now', () => {
  test.concurrent('says why, takes every other change, and is moved when it can be', async () => {
    const { t, guest } = await onNode();
    t.pve.faults.add({ kind: 'nodeOffline', node: TO });
    await soon(async () => expect(JSON.stringify(await t.find('providers', 'pve'))).toContain('offline'));
    await patch(t, { placement: { host: TO }, description: 'moves' });
    await soon(async () => {
      const object = await t.vm('web');
      expect(guest.get('description')).toMatch(/^moves\n/);
      expect(condition(object).is).toBe('Ready=True Reconciled');
      const synced = condition(object, 'Synced');
      expect(synced.is).toBe('Synced=False Different');
      expect(synced.message).toContain(
        `The VM is on node ${FROM}, but spec.placement.host says ${TO}. It cannot be moved: node ${TO} is offline.`,
      );
    });
    t.pve.faults.clear();
    await arrived(t, TO);
  });

  test.concurrent(
    'waits for a slot, and gets it when an object with a move that hangs is deleted by force',
    async () => {
      const t = await tenant(lab.plane);
      const names = ['a', 'b', 'c'];
      const at = (host: string, which: readonly string[]) =>
        t.apply(...which.map((name) => vm(name, { placement: { host } })));
      await at(FROM, names);
      await t.ready(...names.map((name) => `vm/${name}`));
      t.pve.faults.add({ kind: 'taskHang', method: 'POST', path: '/migrate$', times: 2 });
      await at(TO, ['a', 'b']);
      await soon(() => expect(t.pve.state.tasks.active()).toHaveLength(2));
      await at(TO, ['c']);
      await soon(async () => {
        expect(condition(await t.vm('c'), 'Reconciling').is).toBe('Reconciling=True MoveQueued');
      });
      await t.annotate('vm/a', { 'virtrigaud.io/force-delete': 'true' });
      await t.delete('vm/a');
      await soon(() => expect(guestNamed(t.pve, 'c').node).toBe(TO));
      expect(guestNamed(t.pve, 'a').node).toBe(FROM);
    },
  );

  test.concurrent('names the image in its CD drive', async () => {
    const { t, guest } = await onNode();
    t.pve.state.storage.put(
      {
        storage: 'local',
        volid: VOLUME,
        name: 'iso/tools.iso',
        content: 'iso',
        format: 'iso',
        size: 1024,
        ctime: 0,
        vmid: undefined,
        parent: undefined,
        data: undefined,
        snapshots: new Set(),
      },
      FROM,
    );
    t.pve.outside.edit(guest.vmid, { ide3: `${VOLUME},media=cdrom` });
    await moveTo(t, TO);
    await soon(async () =>
      expect(condition(await t.vm('web'), 'Synced').message).toContain(`${VOLUME} in its CD drive`),
    );
    expect(guest.node).toBe(FROM);
  });

  test.concurrent('takes every other change between two tries that fail', async () => {
    const { t, guest } = await onNode();
    t.pve.faults.add({
      method: 'POST',
      path: '/migrate$',
      times: 1,
      kind: 'taskFail',
      exitstatus: 'migration aborted',
    });
    await moveTo(t, TO);
    await patch(t, { description: 'moves' });
    await soon(() => expect(guest.get('description')).toMatch(/^moves\n/));
    await arrived(t, TO);
    expect(tasksDone(t.pve, 'qmigrate')).toBe(1);
    expect(guest.running).toBeDefined();
  });
});

describe('a VM with spec.placement.host that is moved in Proxmox VE', () => {
  test.concurrent('is left there, and that is reported', async () => {
    const { t, guest } = await onNode();
    t.pve.outside.migrate(guest.vmid, TO);
    await soon(async () => {
      const object = await t.vm('web');
      expect(object.status.node).toBe(TO);
      expect(condition(object).is).toBe('Ready=True Reconciled');
      expect(condition(object, 'Synced').is).toBe('Synced=False Drifted');
      expect(condition(object, 'Synced').message).toContain(`was moved to node ${TO} in Proxmox VE`);
    });
    await moveTo(t, 'pve-3');
    await arrived(t, 'pve-3');
  });

  test.concurrent('is moved back where driftPolicy is Revert', async () => {
    const { t, guest } = await onNode({ driftPolicy: 'Revert' });
    t.pve.outside.migrate(guest.vmid, TO);
    await soon(() => expect(tasksDone(t.pve, 'qmigrate')).toBe(1));
    await arrived(t, FROM);
  });
});

test.concurrent('many VMs that are moved at once are moved two at a time', async () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const t = await tenant(lab.plane);
  const on = (host: string) => names.map((name) => vm(name, { placement: { host } }));
  await t.apply(...on(FROM));
  await t.ready(...names.map((name) => `vm/${name}`));
  await t.apply(...on(TO));
  let most = 0;
  await soon(() => {
    const moving = ownGuests(t.pve).filter((guest) => guest.get('lock') === 'migrate').length;
    most = Math.max(most, moving);
    expect(ownGuests(t.pve).map(({ node }) => node)).toEqual(names.map(() => TO));
  });
  await t.ready(...names.map((name) => `vm/${name}`));
  expect(most).toBeLessThanOrEqual(2);
  expect(tasksDone(t.pve, 'qmigrate')).toBe(names.length);
});
