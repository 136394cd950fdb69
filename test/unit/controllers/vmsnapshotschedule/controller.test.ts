import { describe, expect, test } from '@jest/globals';
import { KEEP, SCHEDULE_UID_LABEL, type VMSnapshot } from '../../../../src/api/index.ts';
import { minutes, upid } from '../../../../src/lib/units.ts';
import { aSchedule, aVM, World } from './world.ts';

const two = [aVM('db'), aVM('web', ['ceph'])];
const vmsOf = ({ snapshots }: World) => snapshots.map(({ spec }) => spec.vmRef.name);
const run = ({ schedule }: World) => schedule.status?.run;

describe('a schedule', () => {
  test('creates one VMSnapshot for each VM that it selects, at its time and not before', async () => {
    const selector = { matchLabels: { backup: 'yes' } };
    const labelled = aVM('web', ['ceph'], { labels: { backup: 'yes' } });
    const elsewhere = aVM('far', ['ceph'], { labels: { backup: 'yes' }, namespace: 'other' });
    const world = new World(aSchedule({ selector }), [aVM('db'), labelled, elsewhere]);
    await world.passes(2);
    expect(world.snapshots).toEqual([]);
    expect(world.schedule.status).toMatchObject({ nextScheduleTime: '2026-03-01T02:00:00Z', snapshots: 0 });
    world.at('2026-03-01T02:00:00Z');
    await world.passes(3);
    expect(vmsOf(world)).toEqual(['web']);
    expect(world.schedule.status).toMatchObject({
      lastScheduleTime: '2026-03-01T02:00:00Z',
      nextScheduleTime: '2026-03-02T02:00:00Z',
      active: 1,
      snapshots: 1,
      run: { scheduledTime: '2026-03-01T02:00:00Z', created: 1, skipped: 0 },
    });
    expect(run(world)?.completedAt).toBeDefined();
    world.finishAll();
    await world.passes(10);
    expect(world.created).toHaveLength(1);
    expect(world.schedule.status).toMatchObject({ active: 0, readySnapshots: 1 });
  });

  test('records a run before it creates the first VMSnapshot of it', async () => {
    const world = new World(aSchedule(), two);
    world.at('2026-03-01T02:00:00Z');
    await world.pass();
    expect(world.result?.bindsGeneration).toBe(true);
    expect(world.snapshots).toEqual([]);
    expect(run(world)).toMatchObject({ scheduledTime: '2026-03-01T02:00:00Z' });
  });

  test('makes up for one of the runs that were missed while the operator was down', async () => {
    const world = new World(aSchedule(), two);
    await world.pass();
    world.at('2026-03-05T11:00:00Z');
    await world.passes(5);
    world.finishAll();
    await world.passes(5);
    expect(vmsOf(world).toSorted()).toEqual(['db', 'web']);
    expect(world.schedule.status?.lastScheduleTime).toBe('2026-03-05T02:00:00Z');
  });

  test('makes up for none whose deadline has passed, and says so', async () => {
    const world = new World(aSchedule({ startingDeadline: minutes(60) }), two);
    await world.pass();
    world.at('2026-03-05T11:00:00Z');
    await world.passes(5);
    expect(world.snapshots).toEqual([]);
    expect(run(world)).toMatchObject({ scheduledTime: '2026-03-05T02:00:00Z', missed: true });
    expect(world.schedule.status?.lastScheduleTime).toBeUndefined();
    expect(world.events).toEqual([expect.objectContaining({ type: 'Warning', reason: 'RunMissed' })]);
    world.at('2026-03-06T02:00:30Z');
    await world.passes(3);
    expect(vmsOf(world)).toHaveLength(2);
  });

  test('that is new has no times before it was created', async () => {
    const world = new World(aSchedule({}, { creationTimestamp: '2026-03-01T02:30:00Z' }), two);
    world.at('2026-03-01T02:31:00Z');
    await world.passes(3);
    expect(world.snapshots).toEqual([]);
  });

  test('creates nothing while it is suspended, nor for times that passed meanwhile', async () => {
    const world = new World(aSchedule({ suspend: true }), two);
    await world.pass();
    world.at('2026-03-01T02:00:00Z');
    await world.passes(3);
    expect(world.snapshots).toEqual([]);
    expect(world.schedule.status?.nextScheduleTime).toBeUndefined();
    expect(world.result?.outcome).toMatchObject({ kind: 'settled' });
    world.edit({ suspend: false });
    await world.passes(3);
    expect(world.snapshots).toEqual([]);
    world.at('2026-03-02T02:00:00Z');
    await world.passes(3);
    expect(vmsOf(world)).toHaveLength(2);
  });

  test('that is suspended during a run ends it', async () => {
    const world = new World(aSchedule(), [aVM('a'), aVM('b')]);
    world.at('2026-03-01T02:00:00Z');
    await world.passes(3);
    expect(vmsOf(world)).toEqual(['a']);
    world.edit({ suspend: true });
    world.finishAll();
    await world.passes(3);
    world.edit({ suspend: false });
    await world.passes(3);
    expect(vmsOf(world)).toEqual(['a']);
    expect(run(world)?.completedAt).toBeDefined();
  });

  test('that is edited does not make up for times that its new expression had before', async () => {
    const world = new World(aSchedule(), two);
    await world.pass();
    world.edit({ schedule: '30 0 * * *' });
    await world.passes(3);
    expect(world.snapshots).toEqual([]);
    expect(world.schedule.status?.nextScheduleTime).toBe('2026-03-02T00:30:00Z');
  });

  test('is refused with a condition if its time zone or its template is wrong', async () => {
    const world = new World(aSchedule({ timeZone: 'Mars/Olympus' }), two);
    world.at('2026-03-01T02:00:00Z');
    await world.passes(2);
    expect(world.result?.outcome).toMatchObject({ kind: 'stalled', reason: 'ScheduleInvalid' });
    world.edit({ timeZone: 'UTC', template: { labels: { a: 'b c' } } });
    await world.pass();
    expect(world.result?.outcome).toMatchObject({ kind: 'stalled', reason: 'ScheduleInvalid' });
    expect(world.snapshots).toEqual([]);
  });

  test.each([minutes(10), minutes(24 * 60)])(
    'takes no second snapshot when the clock goes back by %d ms',
    async (back) => {
      const world = new World(aSchedule(), two);
      await world.pass();
      world.at('2026-03-01T02:00:00Z');
      await world.passes(4);
      world.finishAll();
      world.now -= back;
      await world.passes(3);
      world.at('2026-03-01T02:05:00Z');
      await world.passes(5);
      expect(world.created).toHaveLength(2);
    },
  );

  test('goes on at its times after a clock that was years ahead', async () => {
    const world = new World(aSchedule(), two);
    world.at('2031-01-01T00:00:00Z');
    await world.passes(4);
    world.at('2026-03-01T01:59:00Z');
    world.finishAll();
    await world.pass();
    world.at('2026-03-01T02:00:00Z');
    await world.passes(4);
    expect(run(world)).toMatchObject({ scheduledTime: '2026-03-01T02:00:00Z', created: 2 });
  });

  test('creates nothing if it was edited or deleted since the pass began', async () => {
    const world = new World(aSchedule(), two);
    world.at('2026-03-01T02:00:00Z');
    await world.pass();
    const { schedule } = world;
    world.live = { ...schedule, metadata: { ...schedule.metadata, generation: 2 } };
    await world.pass();
    world.live = {
      ...schedule,
      metadata: { ...schedule.metadata, deletionTimestamp: '2026-03-01T02:00:00Z' },
    };
    await world.pass();
    expect(world.snapshots).toEqual([]);
  });
});

describe('a VM is skipped, with the reason in status.run,', () => {
  const skipped = (world: World) => run(world)?.skippedVMs?.map(({ name, reason }) => `${name} ${reason}`);

  test('if its last snapshot of the schedule is not finished', async () => {
    const world = new World(aSchedule(), two);
    world.at('2026-03-01T02:00:00Z');
    await world.passes(3);
    world.report({ readyToUse: true }, world.created[0] ?? '');
    world.at('2026-03-02T02:00:00Z');
    await world.passes(4);
    expect(vmsOf(world)).toEqual(['db', 'web', 'db']);
    expect(skipped(world)).toEqual(['web PreviousNotFinished']);
    expect(world.events).toEqual([expect.objectContaining({ reason: 'VMsSkipped' })]);
  });

  test('but not with concurrencyPolicy Allow', async () => {
    const world = new World(aSchedule({ concurrencyPolicy: 'Allow' }), two);
    world.at('2026-03-01T02:00:00Z');
    await world.passes(3);
    world.at('2026-03-02T02:00:00Z');
    await world.passes(4);
    expect(vmsOf(world)).toEqual(['db', 'web', 'db', 'web']);
  });

  test('if it does not exist in Proxmox VE yet', async () => {
    const { status: _, ...none } = aVM('new');
    const world = new World(aSchedule(), [none, aVM('web')]);
    world.at('2026-03-01T02:00:00Z');
    await world.passes(3);
    expect(vmsOf(world)).toEqual(['web']);
    expect(skipped(world)).toEqual(['new NotCreated']);
  });

  test('if a storage of it is too full, and only then', async () => {
    const world = new World(aSchedule({ skipAboveStorageUsage: 80 }), [
      ...two,
      aVM('x', ['ceph', 'local-lvm']),
    ]);
    world.usage = { 'local-lvm': 81, ceph: 80 };
    world.at('2026-03-01T02:00:00Z');
    await world.passes(3);
    expect(vmsOf(world)).toEqual(['web']);
    expect(skipped(world)).toEqual(['db StorageFull', 'x StorageFull']);
    expect(run(world)?.skippedVMs?.[0]?.message).toContain('81 % of storage local-lvm');
  });

  test('if nobody knows for five minutes how full its storages are', async () => {
    const world = new World(aSchedule({ skipAboveStorageUsage: 80 }), two);
    world.usage = undefined;
    world.at('2026-03-01T02:00:00Z');
    await world.passes(10);
    expect(run(world)?.completedAt).toBeUndefined();
    world.usage = { ceph: 10 };
    await world.passes(3);
    expect(vmsOf(world)).toEqual(['web']);
    world.now += minutes(5);
    await world.pass();
    expect(skipped(world)).toEqual(['db StorageUnknown']);
  });

  test('if another object has the name of its VMSnapshot', async () => {
    const world = new World(aSchedule(), [aVM('web')]);
    world.at('2026-03-01T02:00:00Z');
    await world.passes(3);
    const [name = ''] = world.created;
    const other = new World(aSchedule(), [aVM('web')]);
    other.add(name, {}, { vmRef: { name: 'web' } }, { readyToUse: true });
    other.at('2026-03-01T02:00:00Z');
    await other.passes(3);
    expect(other.created).toEqual([]);
    expect(skipped(other)).toEqual(['web NameTaken']);
  });
});

describe('a VM that is being deleted', () => {
  test('gets no VMSnapshot', async () => {
    const world = new World(aSchedule(), [
      aVM('web', ['ceph'], { deletionTimestamp: '2026-03-01T01:59:00Z' }),
    ]);
    world.at('2026-03-01T02:00:00Z');
    await world.passes(3);
    expect(world.snapshots).toEqual([]);
    expect(run(world)).toMatchObject({ created: 0, skipped: 0 });
  });
});

describe('VMs on one storage', () => {
  test('get their snapshots one after another', async () => {
    const world = new World(aSchedule(), [
      aVM('a'),
      aVM('b', ['ceph']),
      aVM('c'),
      aVM('d', ['ceph', 'local-lvm']),
    ]);
    world.at('2026-03-01T02:00:00Z');
    const seen: (readonly string[])[] = [];
    for (let i = 0; i < 6; i += 1) {
      await world.passes(2);
      seen.push(vmsOf(world).slice(seen.flat().length));
      world.finishAll();
    }
    expect(seen.filter((each) => each.length > 0)).toEqual([['a', 'b'], ['c'], ['d']]);
    expect(run(world)?.completedAt).toBeDefined();
  });

  test('wait for the snapshots of other schedules', async () => {
    const world = new World(aSchedule(), [aVM('a'), aVM('b')]);
    world.at('2026-03-01T02:00:00Z');
    world.add('other', { labels: { [SCHEDULE_UID_LABEL]: 'other' } }, { vmRef: { name: 'b' } });
    await world.passes(4);
    expect(world.created).toEqual([]);
    world.finishAll();
    await world.pass();
    expect(world.created).toHaveLength(1);
  });

  test('are not held up from another namespace, neither by what only waits there nor for ever', async () => {
    const labels = { [SCHEDULE_UID_LABEL]: 'theirs' };
    const made = (status?: VMSnapshot['status']) => {
      const world = new World(aSchedule(), [aVM('a'), aVM('b', ['local-lvm'], { namespace: 'other' })]);
      world.at('2026-03-01T02:00:00Z');
      world.add('theirs', { namespace: 'other', labels }, { vmRef: { name: 'b' } }, status);
      return world;
    };
    const waiting = made();
    await waiting.passes(3);
    expect(waiting.created).toHaveLength(1);
    const startedAt = '2026-03-01T02:00:00Z';
    const working = made({ task: { upid: upid('UPID:pve-1:1'), type: 'Create', startedAt } });
    await working.passes(3);
    expect(working.created).toEqual([]);
    working.now += minutes(15);
    await working.pass();
    expect(working.created).toHaveLength(1);
  });

  test('do not wait longer than 15 minutes for one whose task does not run', async () => {
    const world = new World(aSchedule(), [aVM('a'), aVM('b')]);
    world.at('2026-03-01T02:00:00Z');
    await world.passes(3);
    world.now += minutes(14);
    await world.pass();
    expect(vmsOf(world)).toEqual(['a']);
    world.now += minutes(2);
    await world.pass();
    expect(vmsOf(world)).toEqual(['a', 'b']);
  });
});

describe('a schedule of thousands of VMs', () => {
  test('has eight snapshots in work at a time, and a small status', async () => {
    const many = Array.from({ length: 5_000 }, (_, i) => aVM(`vm-${i}`, [`storage-${i % 100}`]));
    const world = new World(aSchedule({ retention: { keepLast: 1 } }), many);
    world.at('2026-03-01T02:00:00Z');
    await world.passes(4);
    expect(world.snapshots).toHaveLength(8);
    expect(run(world)).toMatchObject({ created: 8 });
    for (let i = 0; i < 20; i += 1) {
      world.finishAll();
      await world.pass();
    }
    expect(world.snapshots).toHaveLength(168);
    expect(JSON.stringify(world.schedule.status).length).toBeLessThan(4000);
  }, 60_000);

  test('looks past a storage that is busy, and leaves out none', async () => {
    const slow = Array.from({ length: 70 }, (_, i) => aVM(`a-${i}`));
    const world = new World(aSchedule(), [...slow, aVM('b', ['ceph'])]);
    world.at('2026-03-01T02:00:00Z');
    for (let i = 0; i < 300 && run(world)?.completedAt === undefined; i += 1) {
      await world.pass();
      world.finishAll();
    }
    expect(new Set(vmsOf(world)).size).toBe(71);
    expect(world.snapshots).toHaveLength(71);
  }, 60_000);
});

describe('retention', () => {
  const nights = async (world: World, count: number) => {
    for (let day = 1; day <= count; day += 1) {
      world.at(`2026-03-0${day}T02:00:00Z`);
      await world.passes(3);
      world.finishAll();
      await world.passes(2);
    }
  };

  test('deletes old snapshots of the schedule, those that are kept excepted, and none of others', async () => {
    const world = new World(aSchedule({ retention: { keepLast: 2 } }), [aVM('web')]);
    world.add('by-hand', {}, { vmRef: { name: 'web' } }, { readyToUse: true });
    world.add(
      'renamed',
      { labels: { [SCHEDULE_UID_LABEL]: 'former' } },
      { vmRef: { name: 'web' } },
      { readyToUse: true },
    );
    await nights(world, 1);
    const [first] = world.created;
    world.snapshots = world.snapshots.map((each) =>
      each.metadata.name === first
        ? { ...each, metadata: { ...each.metadata, annotations: { [KEEP]: 'true' } } }
        : each,
    );
    await nights(world, 6);
    const left = world.snapshots.map(({ metadata }) => metadata.name);
    expect(left).toEqual(['by-hand', 'renamed', first, ...world.created.slice(-2)]);
  });

  test('deletes those whose VM was deleted, also without fields, as nothing else would', async () => {
    const world = new World(aSchedule(), [aVM('web')]);
    await nights(world, 2);
    const [first = ''] = world.created;
    const ready = { type: 'Ready', status: 'False', reason: 'VMDeleted' } as const;
    const gone = { ...ready, message: 'x', lastTransitionTime: '2026-03-03T00:00:00Z' };
    world.report({ readyToUse: false, snapshotName: 'x', conditions: [gone] });
    world.vms = [];
    world.snapshots = world.snapshots.map((each) =>
      each.metadata.name === first
        ? { ...each, metadata: { ...each.metadata, annotations: { [KEEP]: 'true' } } }
        : each,
    );
    world.add('by-hand', {}, { vmRef: { name: 'web' } }, { readyToUse: false, conditions: [gone] });
    expect(world.schedule.status?.active).toBe(0);
    await world.pass();
    expect(world.snapshots.map(({ metadata }) => metadata.name)).toEqual([first, 'by-hand']);
  });

  test('goes on while the schedule is suspended', async () => {
    const world = new World(aSchedule({ retention: { keepFor: minutes(24 * 60) } }), [aVM('web')]);
    await nights(world, 2);
    world.edit({ suspend: true });
    world.at('2026-03-04T02:00:00Z');
    await world.passes(2);
    expect(world.snapshots).toHaveLength(1);
  });

  test('leaves a snapshot alone that was written since it was read', async () => {
    const world = new World(aSchedule({ retention: { keepLast: 1 } }), [aVM('web')]);
    await nights(world, 1);
    let version = 0;
    world.onWrite = (what) => {
      if (!what.startsWith('delete')) return;
      version += 1;
      world.snapshots = world.snapshots.map((each) => ({
        ...each,
        metadata: { ...each.metadata, resourceVersion: `newer-${version}` },
      }));
    };
    await nights(world, 2);
    expect(world.snapshots).toHaveLength(2);
  });
});

describe('a process that dies at any write', () => {
  test('leaves exactly one snapshot of each VM for a time', async () => {
    let deaths = 0;
    for (let at = 1; at <= 12; at += 1) {
      const world = new World(aSchedule(), [aVM('a'), aVM('b', ['ceph']), aVM('c', ['nfs'])]);
      let writes = 0;
      world.onWrite = () => {
        writes += 1;
        if (writes === at) throw new Error('killed');
      };
      world.at('2026-03-01T02:00:00Z');
      for (let i = 0; i < 20; i += 1) {
        try {
          await world.pass();
        } catch {
          deaths += 1;
          world.restart();
        }
      }
      expect(vmsOf(world).toSorted()).toEqual(['a', 'b', 'c']);
      expect(run(world)).toMatchObject({ created: 3, skipped: 0 });
    }
    expect(deaths).toBeGreaterThan(4);
  });
});

describe('passes over one schedule', () => {
  test('are a second apart, however often they are asked for', async () => {
    const world = new World(aSchedule(), two);
    await world.pass();
    world.now -= 1000;
    await world.pass();
    expect(world.result?.outcome).toMatchObject({ kind: 'unchanged' });
  });
});
