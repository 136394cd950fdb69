/** Linked clones of snapshots on Ceph, and what they were made of. */
import { expect, test } from '@jest/globals';
import { operatorAtWork } from '../harness/at-work.ts';
import { guestNamed, ownGuests } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { condition, manifest, tenant, vm, type Tenant } from './tenant.ts';

const lab = operatorAtWork({ namespaces: 2 });

/** A VM that runs, a snapshot of it, and a linked clone of that. */
async function withCopy(): Promise<Tenant> {
  const t = await tenant(lab.plane);
  await t.apply(vm('web'));
  await t.ready('vm/web');
  await t.apply(manifest('VMSnapshot', 'before', { vmRef: { name: 'web' } }));
  await t.ready('vmsnapshot/before');
  await t.apply(vm('copy', { imageRef: undefined, cloneFrom: { snapshotRef: { name: 'before' } } }));
  await t.ready('vm/copy');
  expect((await t.vm('copy')).status['cloneType']).toBe('Linked');
  return t;
}

/** Volumes on Ceph that are not those of the template. */
const volumes = ({ pve }: Tenant): readonly string[] =>
  pve.state.storage
    .list(pve.state.storage.get('nvme-storage'), 'pve-1')
    .filter(({ vmid }) => vmid !== 9000 && vmid !== 101)
    .map(({ volid }) => volid);

const deletions = ({ pve }: Tenant, type: string): readonly (string | undefined)[] =>
  pve.state.tasks
    .list()
    .filter((task) => task.type === type)
    .map(({ exitstatus }) => exitstatus);

test.concurrent(
  'a VMSnapshot that a linked clone needs waits for it, then for the VM to be off, and locks nobody out',
  async () => {
    const t = await withCopy();
    const clone = guestNamed(t.pve, 'copy').vmid;
    await t.requestDeletion('vmsnapshot/before');
    await soon(async () => {
      const { is, message } = condition(await t.find('vmsnapshots', 'before'), 'Reconciling');
      expect(is).toBe('Reconciling=True InUse');
      expect(message).toContain(`linked clones on Ceph need it, VM ${clone} (VirtualMachine copy).`);
    });
    // Events are written after the status.
    await soon(async () => expect(await t.events('InUse')).toHaveLength(1));
    expect(guestNamed(t.pve, 'web').get('lock')).toBeUndefined();

    await t.delete('vm/copy');
    await soon(async () => {
      const found = await t.find('vmsnapshots', 'before');
      expect(condition(found, 'Reconciling').is).toBe('Reconciling=True SnapshotProtected');
    });
    expect(deletions(t, 'qmdelsnapshot')).toEqual([]);

    await t.patch('vm/web', { spec: { powerState: 'Off' } });
    await t.gone('vmsnapshot/before');
    expect(deletions(t, 'qmdelsnapshot')).toEqual(['OK']);
    expect(guestNamed(t.pve, 'web').snapshots.size).toBe(0);
  },
);

test.concurrent(
  'a VM whose snapshot a linked clone needs waits for it, running, and leaves no image behind',
  async () => {
    const t = await withCopy();
    await t.requestDeletion('vm/web');
    await soon(async () => {
      const { is, message } = condition(await t.vm('web'), 'Reconciling');
      expect(is).toBe('Reconciling=True InUse');
      expect(message).toMatch(/is neither stopped nor destroyed: .*\(VirtualMachine copy\)\./);
    });
    expect(condition(await t.find('vmsnapshots', 'before')).is).toBe('Ready=False VMDeleted');
    expect(guestNamed(t.pve, 'web').running).toBeDefined();
    await t.ready('vm/copy');

    await t.requestDeletion('vmsnapshot/before');
    await t.gone('vmsnapshot/before');
    await t.requestDeletion('vm/copy');
    await t.vmsGone();
    expect(deletions(t, 'qmdestroy')).toEqual(['OK', 'OK']);
    expect(ownGuests(t.pve)).toEqual([]);
    expect(volumes(t)).toEqual([]);
  },
);
