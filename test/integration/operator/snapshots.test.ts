import { describe, expect, test } from '@jest/globals';
import { operatorAtWork } from '../harness/at-work.ts';
import { guestNamed } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { condition, manifest, tenant, vm, type Tenant } from './tenant.ts';

const lab = operatorAtWork({ namespaces: 2 });

const snapshot = (name: string, spec: object = {}) =>
  manifest('VMSnapshot', name, { vmRef: { name: 'web' }, ...spec });

const status = async (t: Tenant, name: string) => (await t.find('vmsnapshots', name))?.status;

describe('a snapshot', () => {
  test.concurrent('is taken, listed with its parent and children, and deleted with its object', async () => {
    const t = await tenant(lab.plane);
    await t.apply(vm('web'));
    await t.ready('vm/web');
    await t.apply(snapshot('first', { description: 'before the upgrade' }));
    await t.kubectl('wait', '--for=condition=Ready', '--timeout=180s', 'vmsnapshot/first');
    const guest = guestNamed(t.pve, 'web');
    expect([...guest.snapshots.keys()]).toEqual(['first']);
    expect(guest.snapshots.get('first')?.config.get('description')).toMatch(
      /^before the upgrade\n\nvirtrigaud-snapshot: \S+\/first\/\S+$/,
    );
    expect(await status(t, 'first')).toMatchObject({
      readyToUse: true,
      snapshotName: 'first',
      memory: false,
      indications: expect.arrayContaining(['Online']) as unknown,
    });

    await t.apply(snapshot('second', { includeMemory: true }));
    await t.ready('vmsnapshot/second');
    await soon(async () => expect(await status(t, 'first')).toMatchObject({ children: ['second'] }));
    expect(await status(t, 'second')).toMatchObject({ parent: 'first', memory: true, children: [] });

    await t.delete('vmsnapshot/first');
    expect([...guest.snapshots.keys()]).toEqual(['second']);
    await soon(async () => expect((await status(t, 'second'))?.['parent']).toBeUndefined());

    await t.delete('vm/web');
    await soon(async () =>
      expect(condition(await t.find('vmsnapshots', 'second')).is).toBe('Ready=False VMDeleted'),
    );
    await t.delete('vmsnapshot/second');
  });
});
