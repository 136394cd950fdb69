/** What Proxmox VE or a person makes of a guest is reported, with what to do; the operator neither fixes nor fights it. */
import { describe, expect, test } from '@jest/globals';
import { quick } from '../../fakepve/index.ts';
import type { RunState } from '../../fakepve/guest.ts';
import { operatorAtWork } from '../harness/at-work.ts';
import { changes, guestNamed, orphans, ownGuests, tasksDone } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { condition, type Tenant, tenant, vm } from './tenant.ts';

const lab = operatorAtWork({ namespaces: 14 });

const patch = (t: Tenant, spec: object) => t.patch('vm/web', { spec });

/** @param is for instance `Ready=False Paused` */
const hasCondition = ({ vm: read }: Tenant, is: string, message: string) =>
  soon(async () => {
    const found = condition(await read('web'), is.split('=')[0]);
    expect(found.is).toBe(is);
    expect(found.message).toContain(message);
  });

async function running(options: Parameters<typeof tenant>[1] = {}) {
  const t = await tenant(lab.plane, options);
  await t.apply(vm('web'));
  await t.ready('vm/web');
  const guest = guestNamed(t.pve, 'web');
  return { t, guest, vmid: guest.vmid };
}

describe('a guest that is not executing', () => {
  test.concurrent.each<[RunState, string, string]>([
    ['paused', 'Paused', 'qm resume'],
    ['io-error', 'IoError', 'storage is full'],
    ['suspended', 'Suspended', 'Resume it'],
    ['internal-error', 'GuestCrashed', 'qm reset'],
  ])('(%s) is reported and left alone, and is ready again when it resumes', async (state, reason, todo) => {
    const { t, vmid } = await running();
    const before = changes(t.pve).length;
    t.pve.outside.setRunState(vmid, state);
    await hasCondition(t, `Ready=False ${reason}`, todo);
    await hasCondition(t, `Stalled=True ${reason}`, `VM ${vmid}`);
    expect((await t.vm('web')).status).toMatchObject({ powerState: reason, phase: 'Failed' });
    expect(changes(t.pve)).toHaveLength(before);
    t.pve.outside.setRunState(vmid, 'running');
    await t.ready('vm/web');
    expect((await t.vm('web')).status).toMatchObject({ powerState: 'On', phase: 'Running' });
  });

  test.concurrent('is waited for while it is only about to start', async () => {
    const { t, vmid } = await running();
    t.pve.outside.setRunState(vmid, 'prelaunch');
    await hasCondition(t, 'Reconciling=True Prelaunch', `VM ${vmid}`);
    t.pve.outside.setRunState(vmid, 'running');
    await t.ready('vm/web');
  });

  test.concurrent(
    'is not shut down gracefully, which would cut its power, but stopped when it should be off',
    async () => {
      const { t, guest, vmid } = await running();
      t.pve.outside.setRunState(vmid, 'paused');
      await patch(t, { powerState: 'OffGraceful' });
      await hasCondition(t, 'Ready=False Paused', 'set spec.powerState to Off');
      expect(guest.running?.qmp).toBe('paused');
      await patch(t, { powerState: 'Off' });
      await t.ready('vm/web');
      expect(guest.running).toBeUndefined();
    },
  );

  test.concurrent('is deleted with its object', async () => {
    const { t, vmid } = await running();
    t.pve.outside.setRunState(vmid, 'io-error');
    await patch(t, { lifecycle: { gracefulShutdownTimeout: '1s' } });
    await t.delete('vm/web');
    expect(ownGuests(t.pve)).toEqual([]);
  });
});

test.concurrent('a guest suspended to disk is reported and not resumed by us', async () => {
  const { t, guest, vmid } = await running();
  t.pve.outside.suspendToDisk(vmid);
  await hasCondition(t, 'Stalled=True SuspendedToDisk', `qm resume ${vmid}`);
  expect((await t.vm('web')).status).toMatchObject({ powerState: 'Suspended' });
  expect(guest.running).toBeUndefined();
  t.pve.outside.unlock(vmid);
  await t.ready('vm/web');
  expect(guest.running).toBeDefined();
});

test.concurrent('a guest suspended to disk is deleted with its object', async () => {
  const { t, vmid } = await running();
  t.pve.outside.suspendToDisk(vmid);
  await t.delete('vm/web');
  expect(ownGuests(t.pve)).toEqual([]);
});

test.concurrent('a guest on a node that goes offline is waited for', async () => {
  const { t, guest, vmid } = await running();
  t.pve.faults.add({ kind: 'nodeOffline', node: guest.node });
  await hasCondition(t, 'Ready=False NodeOffline', `VM ${vmid} is on node ${guest.node}, which is offline`);
  t.pve.faults.clear();
  await t.ready('vm/web');
});

describe('a guest that HA manages', () => {
  test.concurrent('ha-managed-start-stop-delete', async () => {
    // HA takes two seconds to notice a request: longer than a step that is in effect at once.
    const { t, guest, vmid } = await running({ latency: { ...quick, haManager: 20_000 } });
    const requests = (end: string) => changes(t.pve).filter(({ path }) => path.endsWith(end)).length;
    t.pve.outside.addToHa(vmid);
    t.pve.outside.setHaState(vmid, 'started');
    await hasCondition(t, 'Placed=True ManagedByHA', 'HA may move it');
    await patch(t, { powerState: 'OffGraceful' });
    await soon(async () => {
      expect(guest.running).toBeUndefined();
      expect(condition(await t.vm('web')).is).toBe('Ready=True Reconciled');
    });
    expect(requests('/status/shutdown')).toBe(1);
    expect(tasksDone(t.pve, 'hastop')).toBe(1);
    const starts = requests('/status/start');
    await patch(t, { powerState: 'On' });
    await soon(async () => {
      expect(guest.running).toBeDefined();
      expect(condition(await t.vm('web')).is).toBe('Ready=True Reconciled');
    });
    expect(requests('/status/start')).toBe(starts + 1);
    await t.delete('vm/web');
    expect(requests('/status/shutdown')).toBe(2);
    expect(ownGuests(t.pve)).toEqual([]);
    expect(orphans(t.pve)).toEqual([]);
    expect([...t.pve.state.ha.resources.keys()]).toEqual([]);
  });

  test.concurrent('and that shuts itself down is left to HA, which starts it again', async () => {
    const { t, guest, vmid } = await running();
    t.pve.outside.addToHa(vmid);
    t.pve.outside.setHaState(vmid, 'started');
    const starts = tasksDone(t.pve, 'qmstart');
    t.pve.outside.stop(vmid);
    await soon(() => expect(tasksDone(t.pve, 'qmstart')).toBe(starts + 1));
    await t.ready('vm/web');
    expect(guest.running).toBeDefined();
    expect(tasksDone(t.pve, 'hastart')).toBe(0);
  });

  test.concurrent('and that HA has given up says how to clear the error', async () => {
    const { t, vmid } = await running();
    t.pve.outside.addToHa(vmid);
    t.pve.outside.setHaState(vmid, 'error');
    const clear = `ha-manager set vm:${vmid} --state disabled`;
    await hasCondition(t, 'Synced=False Different', clear); // it runs, so it is ready all the same
    t.pve.outside.stop(vmid);
    await hasCondition(t, 'Stalled=True HaError', clear);
    expect(tasksDone(t.pve, 'hastart')).toBe(0);
    t.pve.outside.requestHa(vmid, 'disabled');
    await t.ready('vm/web');
    expect(tasksDone(t.pve, 'hastart')).toBe(1);
  });
});
