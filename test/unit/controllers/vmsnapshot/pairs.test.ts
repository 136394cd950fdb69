/** A snapshot during each operation of its VM, and the reverse: one at a time, each says for whom it waits, both end. */
import { describe, expect, jest, test } from '@jest/globals';
import { bytes, GiB, nodeName } from '../../../../src/lib/units.ts';
import { SharedGuestLife } from '../../../builders/shared-guest-life.ts';

// Machines may be busy.
jest.setTimeout(60_000);

const SNAPSHOT = 'before';
const LONG = 3_000;
const PAUSE = 15_000;
/** Longer than any wait between two passes. */
const latency = {
  qmsnapshot: LONG,
  qmdelsnapshot: LONG,
  qmrollback: LONG,
  resize: LONG,
  qmigrate: LONG,
  qmconfig: LONG,
  qmstart: LONG,
  guestShutdown: LONG,
  qmdestroy: LONG,
  cloneLinked: LONG,
};

interface Operation {
  /** What has to be there first. */
  readonly arrange?: (life: SharedGuestLife) => void;
  readonly begin: (life: SharedGuestLife) => void;
  /** Its tasks in Proxmox VE. */
  readonly tasks: RegExp;
  readonly isDone: (life: SharedGuestLife) => boolean;
  /** What the condition says that waits. */
  readonly waiting: (life: SharedGuestLife) => string;
}

const isSynced = (life: SharedGuestLife): boolean =>
  life.isTrue(life.vmObject, 'Ready') && life.vmObject?.status?.task === undefined;

const vmSays = (life: SharedGuestLife): string =>
  ['Ready', 'Synced', 'Reconciling']
    .map((type) => life.conditionOf(life.vmObject, type)?.message ?? '')
    .join(' ');

const root = (size: number) => ({ name: 'root', size: bytes(size * GiB) });

const OF_VM = {
  'the growth of a disk': {
    begin: ({ vm }) => vm.editSpec({ disks: [root(10)] }),
    tasks: /^resize$/,
    isDone: (life) => isSynced(life) && /size=10G/.test(life.guest?.get('scsi0') ?? ''),
    waiting: vmSays,
  },
  'a move': {
    begin: ({ vm }) => vm.editSpec({ placement: { host: nodeName('pve-2') } }),
    tasks: /^qmigrate$/,
    isDone: (life) => isSynced(life) && life.guest?.node === 'pve-2',
    waiting: vmSays,
  },
  'a restart': {
    begin: (life) => life.vm.annotate({ 'virtrigaud.io/restartedAt': new Date(life.now).toISOString() }),
    tasks: /^qm(?:shutdown|start)$/,
    isDone: (life) =>
      isSynced(life) &&
      life.vmObject?.status?.internal?.restartedAt !== undefined &&
      life.vmObject.status.internal.restart === undefined,
    waiting: vmSays,
  },
  'a new disk': {
    begin: ({ vm }) => vm.editSpec({ disks: [root(8), { name: 'data', size: bytes(2 * GiB) }] }),
    tasks: /^qmconfig$/,
    isDone: (life) => isSynced(life) && life.guest?.get('scsi1') !== undefined,
    waiting: vmSays,
  },
  'its deletion': {
    begin: ({ vm }) => vm.markDeleted(),
    tasks: /^qm(?:shutdown|stop|destroy)$/,
    isDone: (life) => life.vmObject === undefined && life.guestsOfVm().length === 0,
    waiting: vmSays,
  },
} satisfies Readonly<Record<string, Operation>>;

const object = (life: SharedGuestLife) => life.snapshots.get(SNAPSHOT)?.live();
const snapshotSays = (life: SharedGuestLife): string =>
  life.conditionOf(object(life), 'Ready')?.message ?? '';

const OF_SNAPSHOT = {
  'its creation': {
    begin: (life) => life.create(SNAPSHOT),
    tasks: /^qmsnapshot$/,
    isDone: (life) => object(life)?.status?.readyToUse === true,
    waiting: snapshotSays,
  },
  'its deletion': {
    arrange: (life) => life.create(SNAPSHOT),
    begin: (life) => life.delete(SNAPSHOT),
    tasks: /^qmdelsnapshot$/,
    isDone: (life) => object(life) === undefined && (life.guest?.snapshots.size ?? 0) === 0,
    waiting: snapshotSays,
  },
  'a revert to it': {
    arrange: (life) => life.create(SNAPSHOT),
    begin: (life) => life.revert(SNAPSHOT),
    tasks: /^qmrollback$/,
    isDone: (life) =>
      object(life)?.status?.lastRevert?.result === 'Reverted' && life.guest?.get('parent') === SNAPSHOT,
    waiting: (life) => `${snapshotSays(life)} ${life.conditionOf(object(life), 'Reverting')?.message ?? ''}`,
  },
} satisfies Readonly<Record<string, Operation>>;

const runningOn = (life: SharedGuestLife): readonly string[] =>
  life.pve.world.tasks.active().flatMap(({ id, type }) => (id === life.vmid ? [type] : []));

/** Nothing was tried in vain. */
const endsOf = (life: SharedGuestLife): readonly string[] =>
  life.pve.world.tasks.list().flatMap(({ id, exitstatus }) => (id === life.vmid ? [exitstatus ?? ''] : []));

/** What runs at the same time; a second one would wait for the lock of the first. */
async function stepping(life: SharedGuestLife, isOver: () => boolean): Promise<void> {
  for (let n = 0; n < 5_000 && !isOver(); n += 1) {
    await life.step();
    expect(runningOn(life).length).toBeLessThanOrEqual(1);
  }
  if (!isOver()) throw new Error(`There is no end to it: ${life.picture()}`);
}

const isIn = (life: SharedGuestLife, { tasks }: Operation): boolean =>
  runningOn(life).some((type) => tasks.test(type));

interface Seen {
  /** What the second one's conditions said while the first ran. */
  readonly said: string;
  readonly life: SharedGuestLife;
}

async function bothAtOnce(first: Operation, second: Operation): Promise<Seen> {
  const life = new SharedGuestLife({ latency });
  await life.untilReady();
  for (const { arrange } of [first, second]) arrange?.(life);
  await life.rest(PAUSE);
  first.begin(life);
  life.wake();
  await stepping(life, () => isIn(life, first));
  second.begin(life);
  life.wake();
  let said = '';
  await stepping(life, () => {
    if (isIn(life, first)) said += `${second.waiting(life)}\n`;
    return !isIn(life, first);
  });
  const isOver = (each: Operation): boolean =>
    each === second || second.tasks.test('qmrollback') || each.isDone(life);
  await stepping(life, () => life.vmObject === undefined || (isOver(first) && second.isDone(life)));
  await life.rest(PAUSE);
  return { said, life };
}

const ofVm = Object.entries<Operation>(OF_VM);
const ofSnapshot = Object.entries<Operation>(OF_SNAPSHOT);
const pairs = ofVm.flatMap(([vmName, vm]) =>
  ofSnapshot.map(([name, snapshot]) => [vmName, name, vm, snapshot] as const),
);

describe('a VM and its snapshot', () => {
  test.each(pairs)('%s of the VM first, then of the snapshot %s', async (vmName, name, vm, snapshot) => {
    const { said, life } = await bothAtOnce(vm, snapshot);
    expect(endsOf(life).filter((exit) => exit !== 'OK')).toEqual([]);
    // What was done before a revert is taken back by it.
    if (name !== 'a revert to it') expect(vm.isDone(life)).toBe(true);
    if (vmName === 'its deletion') return;
    expect(snapshot.isDone(life)).toBe(true);
    expect(said).toContain('VirtualMachine web');
  });

  test.each(pairs)('%s of the VM second, after of the snapshot %s', async (_vmName, _name, vm, snapshot) => {
    const { said, life } = await bothAtOnce(snapshot, vm);
    expect(endsOf(life).filter((exit) => exit !== 'OK')).toEqual([]);
    expect(vm.isDone(life)).toBe(true);
    if (life.vmObject) expect(snapshot.isDone(life)).toBe(true);
    expect(said).toContain(`VMSnapshot ${SNAPSHOT}`);
  });

  test('the VM is created first, then the snapshot is taken', async () => {
    const life = new SharedGuestLife({ latency });
    life.create(SNAPSHOT);
    let said = '';
    await stepping(life, () => {
      if (!life.isTrue(life.vmObject, 'Ready')) said += snapshotSays(life);
      return OF_SNAPSHOT['its creation'].isDone(life);
    });
    expect(said).toContain('VirtualMachine web');
    expect(isSynced(life)).toBe(true);
  });
});
