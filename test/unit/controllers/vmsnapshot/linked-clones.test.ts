/** A VMSnapshot on Ceph that linked clones need. */
import { describe, expect, test } from '@jest/globals';
import { atCalls, FAULTS, isDistinct, Saboteur, type Fault } from '../../../builders/saboteur.ts';
import { SnapshotLife, SNAPSHOT_VMID, type SnapshotLifeOptions } from '../../../builders/snapshot-life.ts';

const CLONE = 'local-lvm:vm-201-disk-0';
const DELETE = 'DELETE /nodes/{node}/qemu/{vmid}/snapshot/{snapname}';
const LIST = 'GET /nodes/{node}/storage/{storage}/content';

/** A VM on Ceph whose snapshot is complete. */
async function onCeph(options: SnapshotLifeOptions = {}): Promise<SnapshotLife> {
  const life = new SnapshotLife(options);
  life.pve.diskStorage = 'rbd';
  life.guest.config = { ...life.guest.config, scsi0: `local-lvm:vm-${SNAPSHOT_VMID}-disk-0,size=8G` };
  await life.untilReady();
  return life;
}

function addClone(life: SnapshotLife): void {
  life.pve.add(201, { name: 'copy', scsi0: `${CLONE},size=8G` });
  life.pve.linked.set(CLONE, { vmid: 201, parent: `vm-${SNAPSHOT_VMID}-disk-0@before-upgrade` });
}

/** The VM is off then: while it runs, the snapshot is protected still. */
function removeClone(life: SnapshotLife): void {
  life.guest.running = false;
  life.pve.guests.delete(201);
  life.pve.linked.delete(CLONE);
}

const count = (life: SnapshotLife, request: string): number =>
  life.pve.requests.filter((each) => each === request).length;

/** Ready says that it is being deleted, and both say why that waits. */
const isInUse = (life: SnapshotLife): boolean =>
  (life.status.conditions ?? []).some(({ type, reason }) => type === 'Reconciling' && reason === 'InUse');

async function waiting(options: SnapshotLifeOptions = {}): Promise<SnapshotLife> {
  const life = await onCeph(options);
  addClone(life);
  life.store.markDeleted();
  await life.until(() => isInUse(life));
  return life;
}

describe('a snapshot that a linked clone on Ceph needs', () => {
  test('is not deleted: the VMSnapshot waits, names the clone and says what to do, and the VM is not locked', async () => {
    const life = await waiting();
    for (let pass = 0; pass < 30; pass += 1) await life.pass();
    expect(life.ready).toMatch(
      /^False Deleting: Snapshot before-upgrade of VM 101 cannot be deleted: linked clones on Ceph need it, VM 201\. It is deleted once the clones are deleted, or their disks are moved to another storage.* set spec\.deletionPolicy to Retain\.$/,
    );
    expect(count(life, DELETE)).toBe(0);
    expect(life.guest.config['lock']).toBeUndefined();
    expect(life.events.filter(({ reason }) => reason === 'InUse')).toHaveLength(1);
  });

  test('is deleted once the clone is gone', async () => {
    const life = await waiting();
    removeClone(life);
    await life.until(() => life.store.live() === undefined);
    expect([...life.guest.snapshots.keys()]).toEqual([]);
    expect(count(life, DELETE)).toBe(1);
  });

  test('stays while the VM runs, as Ceph protects it still: says so, and is deleted once the VM is off', async () => {
    const life = await waiting();
    removeClone(life);
    life.guest.running = true;
    await life.until(() => life.ready.includes('Ceph protects it, and'));
    for (let pass = 0; pass < 10; pass += 1) await life.pass();
    life.restart();
    for (let pass = 0; pass < 10; pass += 1) await life.pass();
    expect(count(life, DELETE)).toBe(0);
    expect(life.ready).toMatch(
      /To delete it now, run on a node.*: rbd snap unprotect POOL\/IMAGE@before-upgrade; then: qm delsnapshot 101 before-upgrade\./,
    );
    expect(life.events.filter(({ reason }) => reason === 'SnapshotProtected')).toHaveLength(1);
    const asked = life.pve.requests.length;
    for (let pass = 0; pass < 10; pass += 1) await life.pass();
    const more = life.pve.requests.slice(asked).filter((each) => !each.startsWith('GET /cluster/'));
    expect([...new Set(more)]).toEqual([LIST]);
    expect(more.length).toBeLessThanOrEqual(2);
    life.guest.running = false;
    await life.until(() => life.store.live() === undefined);
    expect([...life.guest.snapshots.keys()]).toEqual([]);
  });

  test('is deleted once the disk of the clone was moved to another storage', async () => {
    const life = await waiting();
    life.guest.running = false;
    life.pve.linked.delete(CLONE);
    await life.until(() => life.store.live() === undefined);
    expect([...life.guest.snapshots.keys()]).toEqual([]);
  });

  test('can be left in Proxmox VE with the deletion policy Retain', async () => {
    const life = await waiting();
    life.store.editSpec({ deletionPolicy: 'Retain' });
    await life.until(() => life.store.live() === undefined);
    expect([...life.guest.snapshots.keys()]).toEqual(['before-upgrade']);
  });

  test('costs one list of volumes in two minutes while it waits', async () => {
    const life = await waiting();
    const [asked, since] = [count(life, LIST), life.now];
    while (life.now - since < 20 * 60_000) await life.pass();
    expect(count(life, LIST) - asked).toBeLessThanOrEqual(10);
  });

  test('that appeared after the deletion was announced still keeps it', async () => {
    const life = await onCeph();
    life.store.markDeleted();
    await life.until(() => life.status.internal?.requestedAt !== undefined);
    addClone(life);
    await life.until(() => isInUse(life));
    expect(count(life, DELETE)).toBe(0);
  });
});

test('a settled snapshot on Ceph asks for no list of volumes, nor does one on another storage that is deleted', async () => {
  const life = await onCeph();
  for (let pass = 0; pass < 20; pass += 1) await life.pass();
  life.pve.diskStorage = 'lvmthin';
  await life.pass();
  await life.pass();
  await life.delete();
  expect(count(life, LIST)).toBe(0);
});

describe('a snapshot whose deletion failed halfway because of a linked clone', () => {
  async function halfDeleted(): Promise<SnapshotLife> {
    const life = await onCeph();
    addClone(life);
    const there = life.guest.snapshots.get('before-upgrade');
    if (there) life.guest.snapshots.set('before-upgrade', { ...there, state: 'delete' });
    life.guest.config = { ...life.guest.config, lock: 'snapshot-delete' };
    return life;
  }

  test('by hand: says that it cannot be used any more, why, and the way out', async () => {
    const life = await halfDeleted();
    await life.until(() => life.ready.includes('HalfDeleted'));
    expect(life.ready).toMatch(
      /Deleting snapshot before-upgrade of VM 101 failed halfway: linked clones on Ceph need it, VM 201\..*run on node pve-1: qm unlock 101\. The snapshot cannot be used any more: delete this object as well\.$/,
    );
  });

  test('and is to be deleted: says the way out, and is deleted once somebody has taken it', async () => {
    const life = await halfDeleted();
    life.store.markDeleted();
    await life.until(() => life.ready.includes('failed halfway'));
    for (let pass = 0; pass < 10; pass += 1) await life.pass();
    expect(life.ready).toMatch(/run on node pve-1: qm unlock 101\. The deletion is then repeated\./);
    removeClone(life);
    const { lock: _lock, ...unlocked } = life.guest.config;
    life.guest.config = unlocked;
    await life.until(() => life.store.live() === undefined);
    expect([...life.guest.snapshots.keys()]).toEqual([]);
  });
});

test('a snapshot that Ceph protects although its clones are gone, with the VM locked: says how to take that back', async () => {
  const life = await onCeph();
  const busy = 'Failed to remove the snapshot: Device or resource busy';
  for (let n = 0; n < 3; n += 1) life.pve.failures.push({ type: 'qmdelsnapshot', exit: busy });
  life.store.markDeleted();
  await life.until(() => life.ready.includes(busy));
  const there = life.guest.snapshots.get('before-upgrade');
  if (there) life.guest.snapshots.set('before-upgrade', { ...there, state: 'delete' });
  life.guest.config = { ...life.guest.config, lock: 'snapshot-delete' };
  const command = 'rbd snap unprotect POOL/IMAGE@before-upgrade, and then remove the lock: qm unlock 101';
  await life.until(
    () => life.ready.includes('no task that would release it') && life.ready.includes(command),
  );
});

describe('waiting for a clone, and deleted after it', () => {
  async function live(faults: Iterable<readonly [number, Fault]>): Promise<readonly string[]> {
    const saboteur = new Saboteur(atCalls(faults));
    const life = await onCeph({ between: saboteur.between, isDead: saboteur.isDead });
    addClone(life);
    life.store.markDeleted();
    await life.until(() => isInUse(life));
    for (let pass = 0; pass < 12; pass += 1) await life.pass();
    expect(count(life, DELETE)).toBe(0);
    expect(life.guest.config['lock']).toBeUndefined();
    removeClone(life);
    await life.until(() => life.store.live() === undefined);
    life.afterwards();
    expect([...life.guest.snapshots.keys()]).toEqual([]);
    expect(life.guest.config['lock']).toBeUndefined();
    return saboteur.called;
  }

  test.each(FAULTS)(
    'if any call %s',
    async (fault) => {
      const calls = await live([]);
      expect(calls).toContain(LIST);
      for (const [index, what] of calls.entries()) {
        if (!isDistinct(fault, what)) continue;
        try {
          await live([[index + 1, fault]]);
        } catch (error) {
          throw new Error(`Call ${index + 1} of ${calls.length} (${what}) ${fault}.`, { cause: error });
        }
      }
    },
    60_000,
  );
});
