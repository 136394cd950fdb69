import { describe, expect, test } from '@jest/globals';
import { operatorAtWork } from '../harness/at-work.ts';
import { guestNamed, tasksDone } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { condition, manifest, tenant, vm, type Tenant } from './tenant.ts';

const lab = operatorAtWork({ namespaces: 1 });

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
});
