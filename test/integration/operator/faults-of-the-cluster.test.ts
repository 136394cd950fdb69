/** Nodes, quorum, storages, privileges, locks and HA: a cluster that cannot do what is asked is waited for, never guessed about. */
import { describe, expect, test } from '@jest/globals';
import { operatorAtWork } from '../harness/at-work.ts';
import { changes, cloneRequests, guestNamed, ownGuests, tasksDone } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { condition, provider, tenant, type Tenant, userData, vm } from './tenant.ts';
import { expectNothingLeft, expectOneCloneEach, expectOneGuestEach } from './world.ts';

const lab = operatorAtWork({ namespaces: 13 });

const power = (t: Tenant, powerState: 'On' | 'Off') => t.patch('vm/web', { spec: { powerState } });
const runs = (t: Tenant, is: boolean) =>
  soon(() => expect(guestNamed(t.pve, 'web').running !== undefined).toBe(is));
/** Of the VM `web`: what it waits for. */
const waitsFor = (t: Tenant, reason: string | RegExp, type = 'Ready') =>
  soon(async () => expect(condition(await t.vm('web'), type).is).toMatch(reason));
/** What was asked for is not done, now or a while later. */
async function untouched(t: Tenant, look: () => Promise<unknown>): Promise<void> {
  const before = changes(t.pve).length;
  await look();
  expect(changes(t.pve).length).toBe(before);
}
const gone = (t: Tenant) => t.gone('vm/web');
async function ready(options: Parameters<typeof tenant>[1] = {}): Promise<Tenant> {
  const t = await tenant(lab.plane, options);
  await t.apply(vm('web'));
  await t.ready('vm/web');
  return t;
}

describe('a node that is offline', () => {
  test.concurrent('keeps its guest: the object waits, and its deletion too', async () => {
    const t = await tenant(lab.plane);
    await t.apply(provider(t.pve, { nodeSelector: ['pve-3'] }));
    await t.ready('provider/pve');
    await t.apply(vm('web'));
    await t.ready('vm/web');
    t.pve.faults.add({ kind: 'nodeOffline', node: 'pve-3' });
    await waitsFor(t, 'Ready=False NodeOffline');
    await t.requestDeletion('vm/web');
    await untouched(t, () => waitsFor(t, 'Reconciling=True NodeOffline', 'Reconciling'));
    expect(ownGuests(t.pve)).toHaveLength(1);
    t.pve.faults.clear();
    await gone(t);
    expectNothingLeft(t);
  });

  test.concurrent(
    'in the middle of a clone is waited for, and no second guest is made elsewhere',
    async () => {
      const t = await tenant(lab.plane, { latency: { scale: 0.1, cloneLinked: 20_000 } });
      await t.apply(vm('web'));
      await soon(() => expect(t.pve.state.tasks.active().map(({ type }) => type)).toContain('qmclone'));
      t.pve.faults.add({ kind: 'nodeOffline', node: 'pve-1' });
      await waitsFor(t, /NodeOffline|Unreachable/);
      t.pve.faults.clear();
      await t.ready('vm/web');
      expect(cloneRequests(t.pve)).toHaveLength(1);
      await expectOneGuestEach(t);
    },
  );
});

describe('a cluster without quorum', () => {
  test.concurrent('starts nothing, and does once it has one', async () => {
    const t = await ready();
    await power(t, 'Off');
    await runs(t, false);
    await t.ready('vm/web');
    t.pve.faults.add({ kind: 'noQuorum' });
    await power(t, 'On');
    await waitsFor(t, 'Ready=False NoQuorum');
    await runs(t, false);
    t.pve.faults.clear();
    await runs(t, true);
    await t.ready('vm/web');
  });

  test.concurrent(
    'makes a VM that is being created wait, and the creation continues with quorum',
    async () => {
      const t = await tenant(lab.plane, { latency: { scale: 0.1, imgcopy: 20_000 } });
      await t.apply(vm('web', { userData }));
      await soon(() => expect(t.pve.state.tasks.active().map(({ type }) => type)).toContain('imgcopy'));
      t.pve.faults.add({ kind: 'noQuorum' });
      await waitsFor(t, 'Ready=False NoQuorum');
      expect(guestNamed(t.pve, 'web').running).toBeUndefined();
      t.pve.faults.clear();
      await t.ready('vm/web');
      await expectOneGuestEach(t);
      await expectOneCloneEach(t);
    },
  );

  test.concurrent('is asked for no change, and stops a guest all the same', async () => {
    const t = await ready();
    t.pve.faults.add({ kind: 'noQuorum' });
    // Until the list of the cluster says so, one request may be refused.
    await soon(async () => expect(condition(await t.find('providers', 'pve')).is).toMatch('NoQuorum'));
    await t.patch('vm/web', { spec: { description: 'another' } });
    await untouched(t, () => waitsFor(t, 'Ready=False NoQuorum'));
    await power(t, 'Off');
    await runs(t, false);
    t.pve.faults.clear();
    await t.ready('vm/web');
    expect(guestNamed(t.pve, 'web').get('description')).toContain('another');
  });

  test.concurrent('no-quorum-is-not-absence: is not believed that a guest is gone', async () => {
    const t = await ready();
    t.pve.faults.add({ kind: 'noQuorum' });
    t.pve.outside.delete(guestNamed(t.pve, 'web').vmid);
    await waitsFor(t, 'Ready=False CannotProveAbsence');
    await t.requestDeletion('vm/web');
    await waitsFor(t, 'Reconciling=True CannotProveAbsence', 'Reconciling');
    t.pve.faults.clear();
    await gone(t);
    expectNothingLeft(t);
  });
});

describe('a privilege that is taken away', () => {
  const without = (t: Tenant, ...names: readonly string[]) => {
    const { roles } = t.pve.state.access;
    const enough = roles.get('VirtRigaud') ?? [];
    roles.set(
      'VirtRigaud',
      enough.filter((name) => !names.includes(name)),
    );
    return () => roles.set('VirtRigaud', enough);
  };

  test.concurrent('empty-resource-list-with-403-is-not-absence: to see VMs', async () => {
    const t = await ready();
    const restore = without(t, 'VM.Audit');
    await t.lookAgain();
    await waitsFor(t, /^Ready=False (CannotProveAbsence|MissingPrivilege)/);
    await t.requestDeletion('vm/web');
    await untouched(t, () =>
      soon(async () => expect(condition(await t.vm('web')).message).toContain('VM.Audit')),
    );
    expect(ownGuests(t.pve)).toHaveLength(1);
    restore();
    await t.lookAgain();
    await gone(t);
    expectNothingLeft(t);
  });

  test.concurrent('to ask the guest agent is not taken for a guest without one', async () => {
    const t = await ready();
    const restore = without(t, 'VM.GuestAgent.Audit');
    await t.lookAgain();
    await waitsFor(t, 'GuestAgentConnected=Unknown MissingPrivilege', 'GuestAgentConnected');
    expect(condition(await t.vm('web'), 'GuestAgentConnected').message).toContain('VM.GuestAgent.Audit');
    restore();
    // Otherwise the drift scan asks again.
    await t.patch('vm/web', { spec: { description: 'read again' } });
    await waitsFor(t, 'GuestAgentConnected=True Connected', 'GuestAgentConnected');
  });

  test.concurrent(
    'to delete VMs holds the object, and the guest is deleted once it is granted again',
    async () => {
      const t = await ready();
      const restore = without(t, 'VM.Allocate');
      await t.requestDeletion('vm/web');
      await waitsFor(t, 'Stalled=True MissingPrivilege', 'Stalled');
      expect(ownGuests(t.pve)).toHaveLength(1);
      restore();
      await t.lookAgain();
      await gone(t);
      expectNothingLeft(t);
    },
  );
});

test.concurrent('a storage that is full is named, and the VM is made once there is room', async () => {
  const t = await tenant(lab.plane);
  t.pve.faults.add({ kind: 'storageFull', storage: 'nvme-storage' });
  await t.apply(vm('web', { disks: [{ name: 'root', size: '30Gi' }] }));
  const said = await soon(async () => {
    const { is, message } = condition(await t.vm('web'));
    expect(is).toMatch(/^Ready=False/);
    expect(message).toMatch(/nvme-storage|space|full/i);
    return message;
  });
  expect(said).not.toBe('');
  t.pve.faults.clear();
  await t.ready('vm/web');
  await expectOneGuestEach(t);
  await expectOneCloneEach(t);
});

test.concurrent(
  'a storage that fills up after the clone is named, and the same guest is completed later',
  async () => {
    const t = await tenant(lab.plane, { latency: { scale: 0.1, imgcopy: 20_000 } });
    await t.apply(vm('web', { userData, disks: [{ name: 'root', size: '30Gi' }] }));
    await soon(() => expect(t.pve.state.tasks.active().map(({ type }) => type)).toContain('imgcopy'));
    t.pve.faults.add({ kind: 'storageFull', storage: 'nvme-storage' });
    await soon(async () => {
      const { is, message } = condition(await t.vm('web'));
      expect(is).toBe('Ready=False BackingOff');
      expect(message).toMatch(/nvme-storage|space/i);
    });
    expect(ownGuests(t.pve)).toHaveLength(1);
    t.pve.faults.clear();
    await t.ready('vm/web');
    await expectOneGuestEach(t);
    await expectOneCloneEach(t);
  },
);

test.concurrent(
  'a lock file that another process holds on a guest is waited for and not reported as a failure',
  async () => {
    const t = await ready({ latency: { scale: 0.1, lockTimeout: 1000 } });
    t.pve.faults.add({ kind: 'lockHeld', vmid: guestNamed(t.pve, 'web').vmid });
    await power(t, 'Off');
    await waitsFor(t, /^Ready=False (Locked|BackingOff|OutcomeUnknown|TaskRunning)/);
    await runs(t, true);
    t.pve.faults.clear();
    await runs(t, false);
    await t.ready('vm/web');
    expect(guestNamed(t.pve, 'web').get('lock')).toBeUndefined();
  },
);

test.concurrent(
  'ha-managed-start-stop-delete: HA starts and stops the guest, and no longer manages it after the deletion',
  async () => {
    const t = await ready();
    const { vmid } = guestNamed(t.pve, 'web');
    const { resources } = t.pve.state.ha;
    resources.set(`vm:${vmid}`, {
      sid: `vm:${vmid}`,
      vmid,
      state: 'started',
      comment: undefined,
      maxRestart: undefined,
      maxRelocate: undefined,
      failback: undefined,
      service: 'started',
    });
    await power(t, 'Off');
    await runs(t, false);
    await t.ready('vm/web');
    await power(t, 'On');
    await runs(t, true);
    await t.ready('vm/web');
    expect(tasksDone(t.pve, 'qmclone')).toBe(1);
    await t.delete('vm/web');
    expectNothingLeft(t);
    expect(resources.size).toBe(0);
  },
);
