/** A VMSnapshot from pass to pass, with an in-memory Proxmox VE. */
import { describe, expect, test } from '@jest/globals';
import { DRY_RUN } from '../../../../src/api/index.ts';
import { aVirtualMachine } from '../../../builders/objects.ts';
import { SnapshotLife, SNAPSHOT_VMID } from '../../../builders/snapshot-life.ts';

const change = (life: SnapshotLife, spec: object, status: object = {}, annotations = {}): void => {
  const vm = life.vm ?? aVirtualMachine();
  life.vm = {
    ...vm,
    metadata: { ...vm.metadata, annotations },
    spec: { ...vm.spec, ...spec },
    status: { ...vm.status, ...status },
  };
};

const failureOf = (step: 'AttachDisk' | 'Start') =>
  ({ step, message: 'It failed.', attempts: 3, at: '2026-03-01T12:00:00Z', generation: 1 }) as const;

const restartInternal = (stopped: boolean) =>
  ({
    uuid: aVirtualMachine().metadata.uid,
    restart: {
      cause: 'PendingChanges',
      of: 'x',
      at: '2026-03-01T12:00:00Z',
      ...(stopped && { stopped }),
    },
  }) as const;

const hookOf = (name: 'postStart' | 'preStop', state: 'Due' | 'Running') =>
  ({ name, state, since: '2026-03-01T12:00:00Z', generation: 1 }) as const;

const changesOf = (life: SnapshotLife): readonly string[] =>
  life.pve.requests.filter((request) => !request.startsWith('GET'));

describe('a snapshot', () => {
  test('is taken once, and then costs nothing, however often it is looked at', async () => {
    const life = new SnapshotLife();
    await life.untilReady();
    expect(life.guest.snapshots.size).toBe(1);
    expect(changesOf(life)).toHaveLength(1);
    await life.pass();
    await life.pass(); // the list of tasks has the task of the snapshot by now
    const asked = life.pve.requests.length;
    const version = life.store.cached('')?.metadata.resourceVersion;
    for (let pass = 0; pass < 20; pass += 1) await life.pass();
    const lists = ['GET /cluster/resources', 'GET /cluster/tasks', 'GET /cluster/status'];
    expect(life.pve.requests.slice(asked).filter((request) => !lists.includes(request))).toEqual([]);
    expect(life.store.cached('')?.metadata.resourceVersion).toBe(version);
  });

  test('snapshot-of-stopped-vm-with-memory: waits for the VM to be started, says so, and is then taken', async () => {
    const life = new SnapshotLife({ snapshot: { spec: { includeMemory: true } } });
    life.guest.running = false;
    for (let pass = 0; pass < 10; pass += 1) await life.pass();
    expect(life.guest.snapshots.size).toBe(0);
    expect(life.ready).toMatch(/^False VMNotRunning: .*Start the VM, or set spec.includeMemory to false/);
    life.guest.running = true;
    await life.untilReady();
    expect(life.guest.snapshots.get('before-upgrade')?.memory).toBe(true);
    expect(life.status.memory).toBe(true);
  });

  test('snapshot-delete-failure-keeps-finalizer: says why, and is deleted once that succeeds', async () => {
    const life = new SnapshotLife();
    await life.untilReady();
    for (let n = 0; n < 3; n += 1) life.pve.failures.push({ type: 'qmdelsnapshot', exit: 'dataset is busy' });
    life.store.markDeleted();
    await life.until(() => life.ready.includes('dataset is busy'));
    expect(life.store.live()?.metadata.finalizers).toEqual(['vmsnapshot.infra.virtrigaud.io/finalizer']);
    expect(life.ready).toMatch(
      /^False Deleting: Deleting the snapshot failed in Proxmox VE: dataset is busy\./,
    );
    expect(life.guest.snapshots.size).toBe(1);
    await life.until(() => life.store.live() === undefined);
    expect(life.guest.snapshots.size).toBe(0);
  });

  test('whose task fails is tried again, and its deadline ends that', async () => {
    const life = new SnapshotLife({
      snapshot: {
        metadata: { creationTimestamp: '2026-03-01T12:00:00Z' },
        spec: { failureDeadline: 60_000 as never },
      },
    });
    for (let n = 0; n < 20; n += 1) life.pve.failures.push({ type: 'qmsnapshot', exit: 'no space left' });
    await life.until(() => life.ready.includes('DeadlineExceeded'));
    expect(life.ready).toMatch(/The last problem: no space left\./);
    expect(life.status.failure?.attempts).toBeGreaterThan(1);
    const sent = changesOf(life).length;
    for (let pass = 0; pass < 5; pass += 1) await life.pass();
    expect(changesOf(life)).toHaveLength(sent);
  });

  test('whose task runs longer than its deadline is taken', async () => {
    const life = new SnapshotLife({
      snapshot: {
        metadata: { creationTimestamp: '2026-03-01T12:00:00Z' },
        spec: { failureDeadline: 60_000 as never },
      },
    });
    life.pve.taskMs = 20 * 60_000;
    await life.until(() => life.status.task !== undefined);
    life.now += 10 * 60_000;
    await life.pass();
    expect(life.ready).toMatch(/^False TaskOverdue/);
    await life.untilReady();
    expect(life.guest.snapshots.size).toBe(1);
  });

  test('has another name where somebody has that of the object, and leaves theirs alone', async () => {
    const life = new SnapshotLife();
    const theirs = { description: 'mine', memory: false, takenAt: 0, parent: undefined };
    life.guest.snapshots.set('Before-Upgrade', theirs);
    await life.untilReady();
    const { snapshotName = '' } = life.status;
    expect(snapshotName).toMatch(/^before-upgrade-[0-9a-f]{8}$/);
    expect([...life.guest.snapshots.keys()]).toEqual(['Before-Upgrade', snapshotName]);
    await life.delete();
    expect([...life.guest.snapshots.keys()]).toEqual(['Before-Upgrade']);
  });

  test('that somebody deleted is not taken again', async () => {
    const life = new SnapshotLife();
    await life.untilReady();
    life.guest.snapshots.clear();
    life.now += 6 * 60_000;
    life.restart();
    await life.until(() => life.ready.includes('SnapshotMissing'));
    for (let pass = 0; pass < 5; pass += 1) await life.pass();
    expect(changesOf(life)).toHaveLength(1);
    expect(life.status.readyToUse).toBe(false);
    await life.delete();
  });

  test('is found again by its description if the status was lost', async () => {
    const life = new SnapshotLife();
    await life.untilReady();
    life.store.loseStatus();
    await life.untilReady();
    expect(life.guest.snapshots.size).toBe(1);
    expect(life.status.snapshotName).toBe('before-upgrade');
    life.store.loseStatus();
    await life.delete();
    expect(life.guest.snapshots.size).toBe(0);
  });

  test('that somebody else took with the name of the object is not deleted with it', async () => {
    const life = new SnapshotLife();
    await life.untilReady();
    const ours = life.guest.snapshots.get('before-upgrade')!;
    life.guest.snapshots.set('before-upgrade', {
      ...ours,
      description: ours.description.replace(/\S+$/, 'c/default/before-upgrade/other'),
    });
    life.restart();
    await life.delete();
    expect([...life.guest.snapshots.keys()]).toEqual(['before-upgrade']);
  });
});

describe('nothing is done', () => {
  test.each([
    [
      'while the VM waits for a task',
      {},
      { task: { upid: 'UPID:x', type: 'Resize', startedAt: '2026-03-01T12:00:00Z' } },
      {},
      /^False VMBusy: VirtualMachine web waits for a task/,
    ],
    [
      'while the VM is restarted',
      {},
      {
        internal: {
          uuid: aVirtualMachine().metadata.uid,
          restart: { cause: 'Requested', of: 'x', at: '2026-03-01T12:00:00Z' },
        },
      },
      {},
      /^False VMBusy: .*is being restarted/,
    ],
    [
      'while a hook of the VM runs',
      {},
      { hook: { name: 'preStop', state: 'Running', since: '2026-03-01T12:00:00Z', generation: 1 } },
      {},
      /^False VMBusy: .*hook preStop/,
    ],
    ['before the VM is complete', {}, { createdAt: undefined }, {}, /^False VMNotReady/],
    ['if the VM is only observed', { managementPolicy: 'ObserveOnly' }, {}, {}, /^False ObserveOnly/],
    ['if the VM is paused', { managementPolicy: 'Paused' }, {}, {}, /^Unknown ManagementPaused/],
    ['in a dry run of the VM', {}, {}, { [DRY_RUN]: 'true' }, /^False DryRun/],
  ])('%s, and it says so', async (_what, spec, status, annotations, says) => {
    const life = new SnapshotLife();
    const before = life.vm;
    change(life, spec, status, annotations);
    for (let pass = 0; pass < 5; pass += 1) await life.pass();
    expect(life.ready).toMatch(says);
    expect(changesOf(life)).toEqual([]);
    life.vm = before;
    await life.untilReady();
  });

  test('of a VM that is being created, whose guest has no proof yet, and its end holds nobody up', async () => {
    const life = new SnapshotLife();
    const [vm, config] = [life.vm!, life.guest.config];
    life.vm = { ...vm, status: { ...vm.status, createdAt: undefined, internal: {} } };
    life.guest.config = { ...config, smbios1: 'uuid=0d9a5f7e-9999-4c4c-8d8d-aaaaaaaaaaaa' };
    for (let pass = 0; pass < 5; pass += 1) await life.pass();
    expect(life.ready).toMatch(/^False VMNotReady: .*has not been created completely yet/);
    life.store.markDeleted();
    await life.pass();
    expect(life.store.cached('default/before-upgrade')?.metadata.finalizers ?? []).toEqual([]);
    expect(life.guest.snapshots.size).toBe(0);
  });

  test('of a guest that has no proof yet, and only as long as it has none', async () => {
    const life = new SnapshotLife();
    const [vm, config] = [life.vm!, life.guest.config];
    life.guest.config = { ...config, smbios1: 'uuid=0d9a5f7e-9999-4c4c-8d8d-aaaaaaaaaaaa' };
    life.vm = { ...vm, status: { ...vm.status, createdAt: undefined, internal: {} } };
    for (let pass = 0; pass < 5; pass += 1) await life.pass();
    expect(life.ready).toMatch(/^False VMNotReady/);
    // The lists of Proxmox VE do not show that it is configured.
    life.guest.config = config;
    life.vm = vm;
    for (let pass = 0; pass < 10; pass += 1) await life.pass();
    expect(life.ready).toMatch(/^True/);
  });

  test('of a VM that is being created, whose clone is not in the list yet', async () => {
    const life = new SnapshotLife();
    const vm = life.vm!;
    life.vm = { ...vm, status: { ...vm.status, createdAt: undefined } };
    life.pve.guests.delete(101);
    for (let pass = 0; pass < 5; pass += 1) await life.pass();
    expect(life.ready).toMatch(/^False VMNotReady/);
    expect(life.events.filter(({ type }) => type === 'Warning')).toEqual([]);
  });

  test('and not while a restart is on its way, but once the VM is off, and after one that left changes pending', async () => {
    const life = new SnapshotLife();
    const vm = life.vm!;
    const restart = { cause: 'PendingChanges', of: 'x', at: '2026-03-01T12:00:00Z' } as const;
    const withRestart = (powerState: 'On' | 'Off', stopped: boolean) => {
      const internal = { ...vm.status?.internal, restart: { ...restart, ...(stopped && { stopped }) } };
      life.vm = { ...vm, status: { ...vm.status, powerState, internal } };
    };
    withRestart('On', false);
    for (let pass = 0; pass < 5; pass += 1) await life.pass();
    expect(life.ready).toMatch(/^False VMBusy: .*is being restarted/);
    withRestart('Off', true);
    await life.untilReady();
    withRestart('On', true);
    await life.delete();
  });

  test.each([
    [
      'a restart whose shutdown is withheld, because a step failed',
      { powerState: 'On', failure: failureOf('AttachDisk'), internal: restartInternal(false) },
    ],
    [
      'a start that fails after the shutdown for a restart',
      { powerState: 'Off', failure: failureOf('Start'), internal: restartInternal(true) },
    ],
    [
      'a hook that is due once the VM starts, which fails',
      { powerState: 'Off', failure: failureOf('Start'), hook: hookOf('postStart', 'Due') },
    ],
    [
      'a hook that is due for an agent that never answers',
      { powerState: 'On', hook: hookOf('postStart', 'Due') },
    ],
    ['a hook postStart that never ends', { powerState: 'On', hook: hookOf('postStart', 'Running') }],
    ['a hook preStop that never ends', { powerState: 'On', hook: hookOf('preStop', 'Running') }],
  ] as const)('does not wait for ever for %s', async (_what, status) => {
    const life = new SnapshotLife();
    change(life, {}, status);
    await life.untilReady();
    expect(life.guest.snapshots.size).toBe(1);
    await life.delete();
    expect(life.guest.snapshots.size).toBe(0);
  });

  test('on a guest that is not proven to be that of the VM', async () => {
    const life = new SnapshotLife();
    await life.untilReady();
    life.guest.config = {
      ...life.guest.config,
      smbios1: 'uuid=0d9a5f7e-9999-4c4c-8d8d-aaaaaaaaaaaa',
      description: life.guest.config['description'] ?? '',
    };
    const vm = life.vm!;
    life.vm = { ...vm, status: { ...vm.status, internal: {} } };
    life.store.markDeleted();
    life.restart();
    for (let pass = 0; pass < 5; pass += 1) await life.pass();
    expect(life.guest.snapshots.size).toBe(1);
    expect(life.ready).toMatch(
      /VM 101 is not proven to be that of the VirtualMachine.*deletionPolicy to Retain/,
    );
  });

  test('while another task works on the guest or holds its lock', async () => {
    const life = new SnapshotLife();
    life.guest.config = { ...life.guest.config, lock: 'backup' };
    for (let pass = 0; pass < 5; pass += 1) await life.pass();
    expect(life.ready).toMatch(/^False Locked: Proxmox VE holds the lock "backup"/);
    life.now += 11 * 60_000;
    await life.pass();
    expect(life.ready).toMatch(/^False LockedWithoutTask: .*qm unlock 101/);
    const { lock: _lock, ...free } = life.guest.config;
    life.guest.config = free;
    await life.untilReady();
  });

  test('that would hold the object back, once its VM is deleted', async () => {
    const life = new SnapshotLife();
    await life.untilReady();
    const vm = life.vm!;
    life.vm = { ...vm, metadata: { ...vm.metadata, deletionTimestamp: '2026-03-01T12:00:00Z' } };
    await life.pass();
    expect(life.ready).toMatch(/^False VMDeleted: .*destroyed with its VM/);
    life.vm = undefined;
    life.pve.guests.delete(SNAPSHOT_VMID);
    await life.pass();
    await life.pass();
    expect(life.store.live()?.metadata.finalizers).toEqual([]);
    expect(life.ready).toMatch(/^False VMDeleted/);
    // Another VM of the same name is not the one that the snapshot is of.
    life.vm = aVirtualMachine({ metadata: { uid: 'another' }, status: { vmid: 102 as never } });
    for (let pass = 0; pass < 3; pass += 1) await life.pass();
    expect(life.ready).toMatch(/^False VMDeleted/);
    expect(life.store.live()?.metadata.finalizers).toEqual([]);
  });

  test('to a snapshot whose VM is deleted and stays in Proxmox VE, and one event says so', async () => {
    const life = new SnapshotLife();
    await life.untilReady();
    const vm = life.vm!;
    const leaving = { ...vm, metadata: { ...vm.metadata, deletionTimestamp: '2026-03-01T12:00:00Z' } };
    life.vm = leaving;
    await life.pass();
    expect(life.ready).toMatch(/^False VMDeleted: .*destroyed with its VM/);
    const retained = () => life.events.filter(({ reason }) => reason === 'Retained');
    expect(retained()).toEqual([]);
    life.vm = { ...leaving, spec: { ...vm.spec, deletionPolicy: 'Retain' } };
    for (let n = 0; n < 3; n += 1) await life.pass();
    life.restart();
    await life.pass();
    expect(life.ready).toMatch(/^False VMDeleted: .*and so does the snapshot/);
    life.vm = undefined;
    for (let n = 0; n < 3; n += 1) await life.pass();
    expect(life.ready).toMatch(/^False VMDeleted: VirtualMachine web was deleted/);
    expect(retained()).toEqual([
      expect.objectContaining({
        message: expect.stringMatching(/snapshot before-upgrade of VM 101.*stays in Proxmox VE/) as unknown,
      }),
    ]);
    expect(life.guest.snapshots.size).toBe(1);
  });

  test('to a snapshot that is to be retained', async () => {
    const life = new SnapshotLife({ snapshot: { spec: { deletionPolicy: 'Retain' } } });
    await life.untilReady();
    await life.delete();
    expect(life.guest.snapshots.size).toBe(1);
    expect(life.events).toContainEqual(
      expect.objectContaining({
        reason: 'Retained',
        message: expect.stringMatching(/snapshot before-upgrade of VM 101/) as unknown,
      }),
    );
  });
});

describe('a snapshot that is left half deleted', () => {
  test('is reported with the line that removes it', async () => {
    const life = new SnapshotLife();
    await life.untilReady();
    const ours = life.guest.snapshots.get('before-upgrade')!;
    life.guest.snapshots.set('before-upgrade', { ...ours, state: 'delete' });
    for (let n = 0; n < 10; n += 1)
      life.pve.failures.push({ type: 'qmdelsnapshot', exit: 'cannot remove volume' });
    life.store.markDeleted();
    await life.until(() => life.ready.includes('qm delsnapshot 101 before-upgrade --force'));
    expect(life.store.live()?.metadata.finalizers).toHaveLength(1);
    life.guest.snapshots.delete('before-upgrade');
    await life.until(() => life.store.live() === undefined);
  });
});
