import { describe, expect, test } from '@jest/globals';
import { operatorAtWork } from '../harness/at-work.ts';
import { failedTasks, guestNamed, images, tasksDone } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { condition, manifest, tenant, userData, vm, type Tenant } from './tenant.ts';

const lab = operatorAtWork({ namespaces: 4 });

const status = async (t: Tenant, kind: string, name: string) => (await t.find(kind, name))?.status;
const volumeOf = (text = '') => text.split(',')[0];

describe('a revert to a snapshot', () => {
  test.concurrent(
    'keeps the restored state and a disk that was added later, until the spec is asked for',
    async () => {
      const t = await tenant(lab.plane);
      const root = { name: 'root', size: '10Gi' };
      await t.apply(vm('web', { disks: [root] }));
      await t.ready('vm/web');
      await t.apply(manifest('VMSnapshot', 'before', { vmRef: { name: 'web' } }));
      await t.ready('vmsnapshot/before');
      await t.apply(vm('web', { disks: [root, { name: 'data', size: '1Gi' }] }));
      const guest = guestNamed(t.pve, 'web');
      await soon(() => expect(guest.get('scsi1')).toBeDefined());
      await t.ready('vm/web');
      const data = volumeOf(guest.get('scsi1'));

      // Not in the second in which the snapshot was taken.
      const requestedAt = new Date(Date.now() + 2_000).toISOString();
      await t.patch('vmsnapshot/before', { spec: { revert: { requestedAt } } });
      await soon(async () =>
        expect(await status(t, 'vmsnapshots', 'before')).toMatchObject({
          lastRevert: { requestedAt, result: 'Reverted' },
        }),
      );
      await soon(async () => {
        const web = await t.find('virtualmachines', 'web');
        expect(condition(web, 'Synced').is).toBe('Synced=False SnapshotReverted');
        expect(condition(web).is).toMatch(/^Ready=True/);
      });
      expect(guest.running).toBeDefined();
      expect([guest.get('scsi1'), guest.get('unused0')]).toEqual([undefined, data]);
      expect(guest.get('description')).toContain('virtrigaud: ');
      expect(tasksDone(t.pve, 'qmrollback')).toBe(1);

      await t.annotate('vm/web', { 'virtrigaud.io/apply-after-revert': requestedAt });
      await soon(async () => {
        expect(volumeOf(guest.get('scsi1'))).toBe(data);
        const web = await t.find('virtualmachines', 'web');
        expect(condition(web, 'Synced').is).not.toContain('SnapshotReverted');
      });
      await t.ready('vmsnapshot/before');
      expect(tasksDone(t.pve, 'qmrollback')).toBe(1);
    },
  );

  /** The snapshot is taken while the cloud-init image is in its drive. */
  const takenAtFirstBoot = async (includeMemory = false): Promise<Tenant> => {
    const t = await tenant(lab.plane);
    t.pve.faults.add({ kind: 'agentSilent' });
    await t.apply(vm('web', { userData }));
    await t.ready('vm/web');
    await t.apply(manifest('VMSnapshot', 'first', { vmRef: { name: 'web' }, includeMemory }));
    await t.ready('vmsnapshot/first');
    t.pve.faults.clear();
    await soon(() => expect(guestNamed(t.pve, 'web').get('ide2')).toBe('none,media=cdrom'));
    await t.ready('vm/web');
    return t;
  };

  const revert = async (t: Tenant): Promise<void> => {
    const requestedAt = new Date(Date.now() + 2_000).toISOString();
    await t.patch('vmsnapshot/first', { spec: { revert: { requestedAt } } });
    await soon(async () =>
      expect(await status(t, 'vmsnapshots', 'first')).toMatchObject({
        lastRevert: { requestedAt, result: 'Reverted' },
      }),
    );
  };

  test.concurrent.each([
    ['starts the VM with', false],
    ['resumes the VM with', true],
  ])(
    '%s the cloud-init image that the snapshot names, which stays as long as the snapshot',
    async (_, includeMemory) => {
      const t = await takenAtFirstBoot(includeMemory);
      const image = volumeOf(guestNamed(t.pve, 'web').snapshots.get('first')?.config.get('ide2'));
      expect(image).toContain('virtrigaud-');
      await t.lookAgain();
      await t.ready('vm/web');
      expect(images(t.pve).map(({ volid }) => volid)).toEqual([image]);
      await revert(t);
      const guest = guestNamed(t.pve, 'web');
      await soon(() => expect(guest.running).toBeDefined());
      expect(failedTasks(t.pve)).toEqual([]);
      await soon(() => expect(guest.get('ide2')).toBe('none,media=cdrom'));
      await soon(async () =>
        expect(condition(await t.vm('web'), 'Synced').is).toBe('Synced=False SnapshotReverted'),
      );
      await t.lookAgain();
      expect(images(t.pve).map(({ volid }) => volid)).toEqual([image]);
      await t.delete('vmsnapshot/first');
      await soon(() => expect(images(t.pve)).toEqual([]));
    },
  );

  test.concurrent('starts the VM without a cloud-init image that was deleted', async () => {
    const t = await takenAtFirstBoot();
    const guest = guestNamed(t.pve, 'web');
    const gone = volumeOf(guest.snapshots.get('first')?.config.get('ide2')) ?? '';
    t.pve.state.storage.remove(gone, guest.node);
    await revert(t);
    await soon(() => expect(guest.running).toBeDefined());
    expect(guest.get('ide2')).toBe('none,media=cdrom');
    await soon(async () => expect(condition(await t.vm('web')).is).toMatch(/^Ready=True/));
    expect(failedTasks(t.pve)).toEqual([]);
  });
});
