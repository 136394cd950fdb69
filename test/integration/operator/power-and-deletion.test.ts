/** Power follows the spec, and deletion leaves nothing. */
import { describe, expect, test } from '@jest/globals';
import { operatorAtWork } from '../harness/at-work.ts';
import { guestNamed, images, orphans, ownGuests, tasksDone } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { condition, tenant, type Tenant, userData, vm, vmClass } from './tenant.ts';

const lab = operatorAtWork({ namespaces: 12 });

const power = (t: Tenant, name: string, powerState: string) =>
  t.patch(`vm/${name}`, { spec: { powerState } });

/** The object and Proxmox VE agree. */
const settled = ({ pve, vm: read }: Tenant, name: string, phase: 'Running' | 'Stopped') =>
  soon(async () => {
    const object = await read(name);
    expect(condition(object).is).toBe('Ready=True Reconciled');
    expect(object.status).toMatchObject({ phase, powerState: phase === 'Running' ? 'On' : 'Off' });
    expect(object.status['observedGeneration']).toBe(object.metadata.generation);
    expect(guestNamed(pve, name).running !== undefined).toBe(phase === 'Running');
  });

describe('power', () => {
  test.concurrent('is switched off at once and on again, as the spec says', async () => {
    const t = await tenant(lab.plane);
    await t.apply(vm('web'));
    await settled(t, 'web', 'Running');
    await power(t, 'web', 'Off');
    await settled(t, 'web', 'Stopped');
    expect((await t.vm('web')).status.ipAddresses).toEqual([]);
    expect(tasksDone(t.pve, 'qmstop')).toBe(1);
    expect(tasksDone(t.pve, 'qmshutdown')).toBe(0);
    await power(t, 'web', 'On');
    await settled(t, 'web', 'Running');
    await soon(async () => expect((await t.vm('web')).status.ipAddresses).not.toEqual([]));
  });

  test.concurrent('off-graceful-settles: off gracefully shuts the guest down and stays off', async () => {
    const t = await tenant(lab.plane);
    await t.apply(vm('web'));
    await settled(t, 'web', 'Running');
    await power(t, 'web', 'OffGraceful');
    await settled(t, 'web', 'Stopped');
    expect(tasksDone(t.pve, 'qmshutdown')).toBe(1);
    expect(tasksDone(t.pve, 'qmstop')).toBe(0);
  });

  test.concurrent.each(['noacpi', 'noguest'])(
    'off gracefully ends a guest that does not listen (%s) when its time is over',
    async (tag) => {
      const t = await tenant(lab.plane);
      await t.apply(vm('web', { lifecycle: { gracefulShutdownTimeout: '3s' } }));
      await settled(t, 'web', 'Running');
      t.pve.outside.edit(guestNamed(t.pve, 'web').vmid, { tags: tag });
      await power(t, 'web', 'OffGraceful');
      await settled(t, 'web', 'Stopped');
      const request = t.pve.requests.find(({ path }) => path.endsWith('/status/shutdown'));
      expect(request?.params).toMatchObject({ timeout: '3', forceStop: '1' });
    },
  );

  test.concurrent('off is kept for a VM that was never on', async () => {
    const t = await tenant(lab.plane);
    await t.apply(vm('web', { powerState: 'Off' }));
    await settled(t, 'web', 'Stopped');
    expect(guestNamed(t.pve, 'web').hasRun).toBe(false);
  });

  test.concurrent('on is enforced: a guest stopped in Proxmox VE is started again', async () => {
    const t = await tenant(lab.plane);
    await t.apply(vm('web'));
    await settled(t, 'web', 'Running');
    t.pve.outside.stop(guestNamed(t.pve, 'web').vmid);
    await soon(() => expect(tasksDone(t.pve, 'qmstart')).toBe(2));
    await settled(t, 'web', 'Running');
  });

  test.concurrent('off is enforced: a guest started in Proxmox VE is stopped again', async () => {
    const t = await tenant(lab.plane);
    await t.apply(vm('web', { powerState: 'Off' }));
    await settled(t, 'web', 'Stopped');
    t.pve.outside.start(guestNamed(t.pve, 'web').vmid);
    await soon(() => expect(tasksDone(t.pve, 'qmstop')).toBe(1));
    await settled(t, 'web', 'Stopped');
  });
});

describe('deletion', () => {
  test.concurrent('of a running VM ends with no guest, no disk and no image', async () => {
    const t = await tenant(lab.plane);
    t.pve.faults.add({ kind: 'agentSilent' }); // so that the images are not reported as consumed
    await t.apply(
      vm('web', { userData, lifecycle: { gracefulShutdownTimeout: '1s' } }),
      vm('db', { userData }),
    );
    await settled(t, 'web', 'Running');
    await settled(t, 'db', 'Running');
    expect(images(t.pve)).toHaveLength(2);
    await t.delete('vm/web');
    expect(ownGuests(t.pve).map((guest) => guest.get('name'))).toEqual(['db']);
    expect(images(t.pve)).toHaveLength(1);
    expect(orphans(t.pve)).toEqual([]);
  });

  test.concurrent(
    'protection-mode-delete: waits for a guest that is protected in Proxmox VE, which keeps running',
    async () => {
      const t = await tenant(lab.plane);
      await t.apply(vm('web', { userData }));
      await settled(t, 'web', 'Running');
      const { vmid } = guestNamed(t.pve, 'web');
      t.pve.outside.edit(vmid, { protection: 1 });
      await t.requestDeletion('vm/web');
      await soon(async () => {
        const { is, message } = condition(await t.vm('web'), 'Stalled');
        expect(is).toBe('Stalled=True Protected');
        expect(message).toContain(`qm set ${vmid} --protection 0`);
      });
      expect(guestNamed(t.pve, 'web').running).toBeDefined();
      t.pve.outside.edit(vmid, { protection: null });
      await t.gone('vm/web');
      expect(ownGuests(t.pve)).toEqual([]);
      expect(images(t.pve)).toEqual([]);
    },
  );

  test.concurrent('of a Provider waits for its VMs', async () => {
    const t = await tenant(lab.plane);
    await t.apply(vm('web'));
    await settled(t, 'web', 'Running');
    await t.requestDeletion('provider/pve');
    await soon(async () => {
      const { is, message } = condition(await t.find('providers', 'pve'), 'Reconciling');
      expect(is).toBe('Reconciling=True InUse');
      expect(message).toContain(`${t.namespace}/web`);
    });
    expect(guestNamed(t.pve, 'web').running).toBeDefined();
    await t.delete('vm/web');
    await t.gone('provider/pve');
    expect(ownGuests(t.pve)).toEqual([]);
  });

  test.concurrent('of a class or an image waits while a VM uses it that is to stay', async () => {
    const t = await tenant(lab.plane);
    await t.apply(vm('web'), vmClass('unused'));
    await settled(t, 'web', 'Running');
    await t.delete('vmclass/unused');
    for (const object of ['vmclass/small', 'vmimage/ubuntu']) await t.requestDeletion(object);
    for (const [plural, name] of [
      ['vmclasses', 'small'],
      ['vmimages', 'ubuntu'],
    ] as const)
      await soon(async () => {
        const { is, message } = condition(await t.find(plural, name), 'Reconciling');
        expect(is).toBe('Reconciling=True InUse');
        expect(message).toContain(`${t.namespace}/web`);
      });
    // The VM does not miss them meanwhile, and is deleted as ever.
    await t.patch('vm/web', { spec: { powerState: 'Off' } });
    await settled(t, 'web', 'Stopped');
    await t.delete('vm/web');
    for (const object of ['vmclass/small', 'vmimage/ubuntu']) await t.gone(object);
    expect(ownGuests(t.pve)).toEqual([]);
  });

  test.concurrent('of everything at once ends, with nothing left in Proxmox VE', async () => {
    const t = await tenant(lab.plane);
    await t.apply(vm('web', { userData }), vm('db', { powerState: 'Off' }));
    await settled(t, 'web', 'Running');
    await settled(t, 'db', 'Stopped');
    await t.apply(vm('late', { userData })); // is still being made when everything is deleted
    await t.kubectl('delete', 'secret,vmclass,vmimage,provider,vm', '--all', '--timeout=180s');
    expect(ownGuests(t.pve)).toEqual([]);
    expect(images(t.pve)).toEqual([]);
    expect(orphans(t.pve)).toEqual([]);
  });
});
