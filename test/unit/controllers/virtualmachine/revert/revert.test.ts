/** A VM that is reverted to a snapshot keeps what it is: its owner, its disks, and the restored state. */
import { describe, expect, test } from '@jest/globals';
import type { VirtualMachine } from '../../../../../src/api/index.ts';
import { bytes, GiB } from '../../../../../src/lib/units.ts';
import { plan } from '../../../../../controllers/virtualmachine/plan/plan.ts';
import { aClaim, aDesiredVm, NOW, observed, seen } from '../../../../builders/guests.ts';
import { Life } from '../../../../builders/life.ts';
import { REQUESTED_AT, Reverting } from '../../../../builders/reverting.ts';
import { aClass, UID } from '../../../../builders/objects.ts';

type Spec = Partial<VirtualMachine['spec']>;

const ROOT = { name: 'root', size: bytes(10 * GiB) };
const DATA = { name: 'data', size: bytes(2 * GiB), reclaimPolicy: 'Delete' as const };
const LOGS = { name: 'logs', size: bytes(3 * GiB) };
const LAN = { name: 'lan', bridge: 'vmbr0' };

const syncedOf = ({ status }: Life) => status.conditions?.find(({ type }) => type === 'Synced');

async function passes(life: Life, count = 12): Promise<void> {
  for (let n = 0; n < count; n += 1) await life.pass();
}

interface Scene {
  readonly before?: Spec;
  /** Edited after the snapshot. */
  readonly after?: Spec;
  readonly change?: Partial<Pick<Reverting, 'keeps' | 'result'>>;
}

/** A VM that was snapshotted, edited, and whose revert is announced. */
async function announced({ before = {}, after, change = {} }: Scene = {}) {
  const all: Reverting[] = [];
  const life = new Life({
    vm: { spec: { networks: [LAN], disks: [ROOT], ...before } },
    vmClass: () => aClass({ cpus: 2, maxCpus: 4 }),
    snapshots: () => all.flatMap((each) => each.snapshots),
  });
  await life.untilReady();
  await passes(life);
  const reverting = Object.assign(new Reverting(life), change);
  all.push(reverting);
  if (after) {
    life.store.editSpec(after);
    await passes(life, 40);
  }
  reverting.announce();
  return { life, reverting, guest: reverting.guest(life) };
}

async function reverted(scene: Scene = {}) {
  const { life, reverting, guest } = await announced(scene);
  for (let n = 0; n < 20; n += 1) {
    await life.pass();
    reverting.step(life);
  }
  await passes(life);
  return { life, reverting, guest };
}

describe('rollback-keeps-ownership', () => {
  test('the guest is ours as before, and its power state follows the spec', async () => {
    const { life, reverting, guest } = await reverted();
    expect(reverting.rollbacks).toBe(1);
    expect(life.pve.guestsOf(UID)).toEqual([guest]);
    expect(guest.running).toBe(true);
    expect(life.conditions).toMatchObject({ Ready: 'True', Synced: 'False' });
    expect(syncedOf(life)).toMatchObject({ reason: 'SnapshotReverted' });
    expect(syncedOf(life)?.message).toContain(`virtrigaud.io/apply-after-revert to ${REQUESTED_AT}`);
    expect(syncedOf(life)?.message).toContain('edit it');
  });

  test('a mark that the revert removed is written back before anything else', async () => {
    const { life, guest } = await reverted({ change: { keeps: false } });
    expect(life.pve.guestsOf(UID)).toEqual([guest]);
    expect(guest.running).toBe(true);
    expect(syncedOf(life)).toMatchObject({ reason: 'SnapshotReverted' });
  });

  test('a mark that somebody removes later stays removed', async () => {
    const { life, guest } = await reverted();
    guest.config = { ...guest.config, description: 'mine' };
    guest.digest += 1;
    guest.running = false;
    await passes(life);
    expect([guest.config['description'], guest.running]).toEqual(['mine', false]);
  });

  test('a guest with another UUID is not taken for ours', async () => {
    const { life, reverting, guest } = await announced({ change: { keeps: false } });
    reverting.config = { ...reverting.config, smbios1: 'uuid=0d9a5f7e-1111-4c4c-8d8d-aaaaaaaaaaaa' };
    for (let n = 0; n < 20; n += 1) {
      await life.pass();
      reverting.step(life);
    }
    expect(life.pve.guestsOf(UID)).toEqual([]);
    expect(guest.running).toBe(false);
  });
});

describe('the restored state', () => {
  const volumeOf = (text = '') => text.split(',')[0];

  test('stays: no disk is made, attached or destroyed, none grows, and no interface is added', async () => {
    const { life, guest } = await reverted({
      after: {
        disks: [{ ...ROOT, size: bytes(20 * GiB) }, DATA],
        networks: [LAN, { name: 'back', bridge: 'vmbr1' }],
        tags: ['new'],
      },
    });
    const data = life.status.disks?.find(({ name }) => name === 'data');
    expect(guest.config['scsi1']).toBeUndefined();
    expect(Object.entries(guest.config).filter(([key]) => key.startsWith('unused'))).toEqual([
      ['unused0', data?.volume],
    ]);
    expect(guest.config['net1']).toBeUndefined();
    expect(guest.config['scsi0']).toContain('size=10G');
    expect(syncedOf(life)?.message).toMatch(/disk data/);
    expect(syncedOf(life)?.message).toMatch(/net1/);
    expect(guest.config['tags'] ?? '').not.toContain('new');
    expect(life.conditions['Ready']).toBe('True');
  });

  test('is left with the annotation: the disk is attached again with its data, and everything is as the spec says', async () => {
    const { life, guest } = await reverted({
      after: {
        disks: [{ ...ROOT, size: bytes(20 * GiB) }, DATA],
        networks: [LAN, { name: 'back', bridge: 'vmbr1' }],
      },
    });
    const volume = guest.config['unused0'];
    life.store.annotate({ 'virtrigaud.io/apply-after-revert': REQUESTED_AT });
    await passes(life, 60);
    expect(volumeOf(guest.config['scsi1'])).toBe(volume);
    expect(guest.config['scsi0']).toContain('size=20G');
    expect(guest.config['net1']).toContain('vmbr1');
    expect(life.conditions['Ready']).toBe('True');
    expect(syncedOf(life)?.reason).not.toBe('SnapshotReverted');
    expect(life.status.internal?.revert?.state).toBe('Applied');
  });

  test('is left with an edit of the spec', async () => {
    const { life, guest } = await reverted({ after: { tags: ['new'] } });
    life.store.editSpec({ tags: ['newer'] });
    await passes(life, 40);
    expect(guest.config['tags']).toContain('newer');
    expect(life.conditions).toMatchObject({ Synced: 'True' });
  });

  test('is not left with the annotation of another revert', async () => {
    const { life } = await reverted({ after: { tags: ['new'] } });
    life.store.annotate({ 'virtrigaud.io/apply-after-revert': '2026-03-01T11:00:00Z' });
    await passes(life);
    expect(syncedOf(life)).toMatchObject({ reason: 'SnapshotReverted' });
  });

  test('has a disk back that was removed since, which is neither destroyed nor given to another', async () => {
    const { life, guest, reverting } = await reverted({
      before: { disks: [ROOT, DATA] },
      after: { disks: [ROOT, LOGS] },
    });
    const old = volumeOf(reverting.config['scsi1']);
    const logs = life.status.disks?.find(({ name }) => name === 'logs')?.volume;
    expect(volumeOf(guest.config['scsi1'])).toBe(old);
    life.store.annotate({ 'virtrigaud.io/apply-after-revert': REQUESTED_AT });
    await passes(life, 60);
    const volumes = Object.values(guest.config).map(volumeOf);
    expect(volumes).toContain(old);
    expect(volumes.filter((each) => each === logs)).toHaveLength(1);
    expect(Object.entries(guest.config).find(([, text]) => volumeOf(text) === logs)?.[0]).toMatch(/^scsi/);
  });

  test('stays also with driftPolicy Revert, and for another process', async () => {
    const { life, guest } = await reverted({
      before: { driftPolicy: 'Revert' },
      after: { driftPolicy: 'Revert', tags: ['new'] },
    });
    life.restart();
    await passes(life);
    expect(guest.config['tags'] ?? '').not.toContain('new');
    expect(syncedOf(life)).toMatchObject({ reason: 'SnapshotReverted' });
  });

  test.each(['Report', 'Revert'] as const)(
    'stays although the status was lost (driftPolicy %s), and no disk comes back empty',
    async (driftPolicy) => {
      const { life, guest } = await reverted({
        before: { driftPolicy },
        after: { driftPolicy, disks: [ROOT, DATA], tags: ['new'] },
      });
      const volume = guest.config['unused0'];
      life.store.loseStatus();
      await passes(life, 30);
      expect(guest.config['tags'] ?? '').not.toContain('new');
      expect(syncedOf(life)).toMatchObject({ reason: 'SnapshotReverted' });
      life.store.annotate({ 'virtrigaud.io/apply-after-revert': REQUESTED_AT });
      await passes(life, 60);
      expect(guest.config['tags']).toContain('new');
      expect([guest.config['scsi1'], guest.config['unused0']]).toEqual([undefined, volume]);
    },
  );
});

describe('a revert', () => {
  test('that did not happen leaves nothing behind', async () => {
    const { life, guest } = await reverted({ after: { tags: ['new'] }, change: { result: 'NotRun' } });
    expect(guest.config['tags']).toContain('new');
    expect(life.conditions).toMatchObject({ Ready: 'True', Synced: 'True' });
  });

  test('of which nobody knows how it ended is treated as one that happened', async () => {
    const { life } = await reverted({ change: { result: 'Unknown' } });
    expect(syncedOf(life)).toMatchObject({ reason: 'SnapshotReverted' });
    expect(syncedOf(life)?.message).toContain('It is unknown whether');
  });

  test('is waited for, and nothing is done meanwhile', async () => {
    const { life, guest } = await announced();
    guest.running = false;
    await life.until(() => life.status.internal?.revert?.state === 'Announced');
    await passes(life);
    const ready = life.status.conditions?.find(({ type }) => type === 'Ready');
    expect(ready).toMatchObject({ status: 'False', reason: 'RevertInProgress' });
    expect(ready?.message).toContain('before');
    expect(guest.running).toBe(false);
  });

  test('that was announced keeps the deletion of the VM waiting, and its end lets it go on', async () => {
    const { life, reverting } = await announced();
    await life.until(() => life.status.internal?.revert?.state === 'Announced');
    life.store.markDeleted();
    await passes(life);
    expect(life.pve.guestsOf(UID)).toHaveLength(1);
    reverting.result = 'NotRun';
    reverting.end(life);
    await life.until(() => life.store.live() === undefined);
    expect(life.pve.guestsOf(UID)).toEqual([]);
  });

  test('is not held up by a restart that is withheld, nor is that restart recorded', async () => {
    const { life, reverting, guest } = await announced();
    reverting.status = {};
    life.store.editSpec({ disks: [ROOT, { ...DATA, storageClass: 'nowhere' }] });
    life.store.annotate({ 'virtrigaud.io/restartedAt': new Date(life.now).toISOString() });
    await passes(life);
    expect([guest.running, life.status.internal?.restart]).toEqual([true, undefined]);
    expect(life.status.internal?.restartedAt).toBeUndefined();
    reverting.announce();
    await life.until(() => life.status.internal?.revert?.state === 'Announced');
  });

  test.each([
    ['has not begun', false, true, undefined],
    ['waits for a start', true, false, 'recordRevert'],
    ['left changes pending', true, true, 'recordRevert'],
  ])('is acknowledged during a restart that %s, or not', (_what, stopped, running, expected) => {
    const revert = {
      snapshot: 'before',
      uid: 'uid-of-before',
      requestedAt: REQUESTED_AT,
      generation: 1,
      state: 'Announced',
    } as const;
    const next = plan(
      aDesiredVm(),
      observed({
        claim: aClaim({ made: true }),
        presence: seen({ running }),
        restart: {
          note: { cause: 'PendingChanges', of: 'x', at: NOW, stopped },
          restartedAt: undefined,
        },
        revert: { next: { kind: 'asked', revert } },
      }),
    );
    expect(next.kind === 'act' ? next.step.do : undefined).toBe(expected);
  });

  test('is not announced to a VM that is being deleted', async () => {
    const { life } = await announced();
    life.store.markDeleted();
    await life.until(() => life.store.live() === undefined);
    expect(life.pve.guestsOf(UID)).toEqual([]);
  });

  test('is applied at once where the spec was edited meanwhile', async () => {
    const { life, reverting, guest } = await announced({ after: { tags: ['new'] } });
    await life.until(() => life.status.internal?.revert?.state === 'Announced');
    life.store.editSpec({ tags: ['newest'] });
    for (let n = 0; n < 30; n += 1) {
      await life.pass();
      reverting.step(life);
    }
    expect(reverting.rollbacks).toBe(1);
    expect(guest.config['tags']).toContain('newest');
    expect(life.conditions).toMatchObject({ Synced: 'True' });
  });
});

test('a step on the guest waits for a VMSnapshot with a task, and names it', async () => {
  const { life, reverting, guest } = await announced();
  reverting.status = {
    task: {
      upid: 'UPID:pve-1:00000001:00000001:69A42F40:qmsnapshot:101:operator@pve:',
      type: 'Create',
      startedAt: '2026-03-01T12:30:00Z',
    },
  };
  life.store.editSpec({ tags: ['new'] });
  await passes(life, 6);
  expect(guest.config['tags'] ?? '').not.toContain('new');
  expect(life.status.message).toContain('The VMSnapshot before is being taken');
  reverting.status = {};
  await passes(life, 20);
  expect(guest.config['tags']).toContain('new');
});
