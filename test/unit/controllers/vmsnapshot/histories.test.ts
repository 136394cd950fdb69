/**
 * Generated histories: several VMSnapshots are created, reverted to and deleted while others take, delete and roll back to
 * snapshots of the same guest, and the process dies now and then. At rest every status agrees with what Proxmox VE lists.
 *
 *     VIRTRIGAUD_HISTORIES=2000 make unit ARGS='test/unit/controllers/vmsnapshot/histories.test.ts'
 */
import { expect, jest, test } from '@jest/globals';
import fc from '../../../builders/fast-check.ts';
import { SNAPSHOT_NAME, type SnapshotRow } from '../../../../src/pve/index.ts';
import { parseIdentity } from '../../../../controllers/shared/guests/snapshot-identity.ts';
import { SharedGuestLife, type CallFault } from '../../../builders/shared-guest-life.ts';

const HISTORIES = Number(process.env['VIRTRIGAUD_HISTORIES'] ?? 8);

// Machines may be busy.
jest.setTimeout(60_000 + HISTORIES * 10_000);

const NAMES = ['alpha', 'beta', 'gamma.1', '4th'] as const;
const FOREIGN = ['byhand', 'nightly', 'alpha'] as const;
const FAULTS: readonly CallFault[] = ['dies before', 'dies after', 'loses the answer', 'is lost'];

const name = fc.constantFrom(...NAMES);
const foreign = fc.constantFrom(...FOREIGN);
/** Which of those that Proxmox VE lists. */
const which = fc.nat({ max: 7 });
const what = <T extends string>(kind: T) => ({ kind: fc.constant(kind) });

const event = fc.oneof(
  fc.record({ ...what('create'), name, memory: fc.boolean() }),
  fc.record({ ...what('delete'), name }),
  fc.record({ ...what('revert'), name }),
  fc.record({ ...what('taken by others'), name: foreign, memory: fc.boolean() }),
  fc.record({ ...what('deleted by others'), which }),
  fc.record({ ...what('rolled back by others'), which }),
  fc.record({ ...what('kill') }),
);
/** With the passes and waits before each. */
const history = fc.record({
  storage: fc.constantFrom('rbd', 'zfspool'),
  events: fc.array(fc.tuple(fc.integer({ min: 0, max: 25 }), event), { minLength: 1, maxLength: 12 }),
  faults: fc.array(fc.tuple(fc.integer({ min: 1, max: 300 }), fc.constantFrom(...FAULTS)), { maxLength: 3 }),
});
type History = typeof history extends fc.Arbitrary<infer T> ? T : never;
type Event = History['events'][number][1];

const rows = async (life: SharedGuestLife): Promise<readonly SnapshotRow[]> =>
  (await life.elsewhere.snapshots.list()).snapshots;

async function happen(life: SharedGuestLife, it: Event): Promise<void> {
  const { snapshots } = life.elsewhere;
  switch (it.kind) {
    case 'create':
      if (!life.snapshots.has(it.name)) life.create(it.name, { includeMemory: it.memory });
      break;
    case 'revert':
      life.revert(it.name);
      break;
    case 'delete':
      life.delete(it.name);
      break;
    case 'taken by others':
      await life.act(snapshots.create({ name: it.name, description: 'by hand', memory: it.memory }));
      break;
    case 'deleted by others':
      await toOne(life, it, (named) => snapshots.remove(named));
      break;
    case 'rolled back by others':
      await toOne(life, it, (named) => snapshots.rollback(named));
      break;
    case 'kill':
      life.restart();
      break;
    default:
      it satisfies never;
  }
}

async function toOne(
  life: SharedGuestLife,
  at: { readonly which: number },
  act: (named: string) => Promise<unknown>,
): Promise<void> {
  const there = await rows(life);
  const chosen = there[at.which % Math.max(1, there.length)];
  if (chosen) await life.act(act(chosen.name));
}

const rollbacksOf = (life: SharedGuestLife): number =>
  life.pve.world.tasks
    .list()
    .filter(
      ({ type, user, exitstatus }) =>
        type === 'qmrollback' && user.endsWith('!operator') && exitstatus === 'OK',
    ).length;

/** What a status says, and what it should say. */
async function compare(life: SharedGuestLife): Promise<{ readonly is: unknown; readonly should: unknown }> {
  const there = await rows(life);
  const ofVm = there.map(({ name: at, parent, memory, description, takenAt }) => ({
    name: at,
    vmSnapshot: parseIdentity(description)?.name,
    parent,
    memory,
    creationTime: new Date(takenAt ?? 0).toISOString(),
  }));
  const vm = life.vmObject?.status;
  const own = [...life.snapshots.values()].flatMap((store) => store.live() ?? []);
  const byName = (list: readonly { readonly name: string }[]) =>
    JSON.parse(JSON.stringify(list.toSorted((a, b) => (a.name < b.name ? -1 : 1)))) as unknown;
  return {
    is: {
      vm: byName(vm?.snapshots ?? []),
      count: vm?.snapshotCount ?? 0,
      own: own.map(({ metadata, status }) => ({
        object: metadata.name,
        ready: status?.readyToUse ?? false,
        parent: status?.readyToUse ? status.parent : undefined,
        children: status?.readyToUse ? (status.children ?? []).toSorted() : [],
      })),
      // There is exactly one of each, and none without its object.
      ours: there.flatMap(({ description }) => parseIdentity(description)?.name ?? []).toSorted(),
      locked: life.guest?.get('lock'),
      reverting: own.some(({ status }) => status?.internal?.revert !== undefined),
      held: vm?.internal?.revert?.state === 'Announced',
      // Each request rolls back at most once.
      rollbacks: rollbacksOf(life) <= life.reverts,
    },
    should: {
      vm: byName(ofVm),
      count: there.length,
      own: own.map(({ metadata }) => {
        const row = there.find(({ description }) => parseIdentity(description)?.uid === metadata.uid);
        return {
          object: metadata.name,
          ready: row !== undefined,
          parent: row?.parent,
          children: row
            ? there.flatMap((each) => (each.parent === row.name ? [each.name] : [])).toSorted()
            : [],
        };
      }),
      ours: own
        .filter(({ metadata }) =>
          there.some(({ description }) => parseIdentity(description)?.uid === metadata.uid),
        )
        .map(({ metadata }) => metadata.name)
        .toSorted(),
      locked: undefined,
      reverting: false,
      held: false,
      rollbacks: true,
    },
  };
}

async function live({ storage, events, faults }: History): Promise<SharedGuestLife> {
  const strikes = new Map(faults);
  const begun: { at?: number } = {};
  const life = new SharedGuestLife({
    storage,
    faultAt: (call) => (begun.at === undefined ? undefined : strikes.get(call - begun.at)),
  });
  await life.untilReady();
  begun.at = life.called.length;
  for (const [steps, it] of events) {
    await life.steps(steps);
    await happen(life, it);
  }
  await life.rest();
  return life;
}

test('after any history every status agrees with what Proxmox VE lists', async () => {
  await fc.assert(
    fc.asyncProperty(history, async (it) => {
      const { is, should } = await compare(await live(it));
      expect(is).toEqual(should);
    }),
    { numRuns: HISTORIES, endOnFailure: true },
  );
});

test('what a lost answer left out of the status of the VM is read again', async () => {
  let isLost = false;
  const life = new SharedGuestLife({
    faultAt: (_call, at) => {
      if (isLost || at !== 'GET /nodes/{node}/qemu/{vmid}/snapshot') return undefined;
      isLost = true;
      return 'loses the answer';
    },
  });
  await life.untilReady();
  await life.rest();
  await life.act(life.elsewhere.snapshots.create({ name: 'byhand', description: '', memory: false }));
  await life.rest();
  expect(isLost).toBe(true);
  expect(life.vmObject?.status?.snapshotCount).toBe(1);
});

test('at rest nothing is asked of Proxmox VE but the lists, however many snapshots there are', async () => {
  const life = new SharedGuestLife();
  await life.untilReady();
  for (const each of NAMES) life.create(each, { includeMemory: true });
  await life.act(life.elsewhere.snapshots.create({ name: 'byhand', description: '', memory: false }));
  await life.rest();
  const ready = [...life.snapshots.values()].map((store) => store.live()?.status?.readyToUse);
  expect(ready).toEqual(NAMES.map(() => true));
  const before = life.called.length;
  await life.rest();
  const asked = new Set(life.called.slice(before).filter((at) => !at.includes('/agent/')));
  expect(asked).toEqual(new Set(['GET /cluster/resources', 'GET /cluster/tasks', 'GET /cluster/status']));
});

test('the histories have snapshots of ours and of others', async () => {
  const life = new SharedGuestLife();
  await life.untilReady();
  life.create('alpha');
  await life.rest();
  await life.act(life.elsewhere.snapshots.create({ name: 'byhand', description: '', memory: false }));
  await life.rest();
  expect((await rows(life)).map(({ name: at }) => SNAPSHOT_NAME.test(at))).toEqual([true, true]);
  const { is, should } = await compare(life);
  expect(is).toEqual(should);
  expect(life.vmObject?.status?.snapshots?.map(({ name: at }) => at)).toEqual(['byhand', 'alpha']);
});
