import { describe, expect, test } from '@jest/globals';
import { MiB, millis, nodeName, upid, vmid, type Vmid } from '../../../src/lib/units.ts';
import { silence } from '../../../controllers/shared/cluster/connections.ts';
import { commonRoom } from '../../../src/pve/room.ts';
import type { InventoryOptions } from '../../../src/pve/inventory.ts';
import {
  createInventory,
  PveError,
  type ChangeKind,
  type Cluster,
  type ClusterStatus,
  type GuestRow,
  type ListedTask,
  type ResourceRow,
} from '../../../src/pve/index.ts';

const guest = (id: number, over: Partial<GuestRow> = {}): GuestRow => ({
  type: 'qemu',
  vmid: vmid(id),
  node: nodeName('pve1'),
  name: `vm-${id}`,
  status: 'running',
  template: false,
  lock: undefined,
  tags: [],
  maxcpu: 2,
  maxmem: undefined,
  maxdisk: undefined,
  uptime: 10,
  pool: undefined,
  hastate: undefined,
  ...over,
});

const task = (name: string, ended = false): ListedTask => ({
  upid: upid(`UPID:${name}`),
  node: nodeName('pve1'),
  type: 'qmclone',
  id: '100',
  user: 'operator@pve',
  startedAt: 0,
  ended: ended ? { at: 1, exitStatus: 'OK' } : undefined,
});

const failing = (refusal: PveError['refusal']): PveError =>
  new PveError({ refusal, method: 'GET', route: '/cluster/status', code: 'x', message: `It is ${refusal}.` });

const SINGLE: ClusterStatus = { cluster: undefined, nodes: [{ name: 'pve1', online: true, local: true }] };

/** A cluster that tells what the test puts into it. */
const rig = (options: Pick<InventoryOptions, 'room'> = {}) => {
  const world: {
    resources: ResourceRow[];
    tasks: ListedTask[];
    status: ClusterStatus | Error;
    down?: Error;
  } = {
    resources: [],
    tasks: [],
    status: SINGLE,
  };
  let reads = 0;
  let gate: Promise<unknown> = Promise.resolve();
  const cluster: Cluster = {
    async resources() {
      reads += 1;
      const now = [...world.resources];
      await gate;
      if (world.down) throw world.down;
      return now;
    },
    tasks: () => Promise.resolve([...world.tasks]),
    status: () =>
      world.status instanceof Error ? Promise.reject(world.status) : Promise.resolve(world.status),
    nextid: () => Promise.resolve({ free: false }),
  };
  let clock = 1000;
  const sleeps: (() => void)[] = [];
  const inventory = createInventory({
    ...options,
    pve: { cluster },
    interval: millis(5000),
    now: () => (clock += 1),
    sleep: (_duration, signal) =>
      new Promise((resolve, reject) => {
        sleeps.push(() => resolve(undefined));
        signal.addEventListener('abort', () => reject(new Error('aborted')));
      }),
  });
  const changes: [ChangeKind, Vmid[]][] = [];
  inventory.onChange((vmids, kind) => changes.push([kind, [...vmids]]));
  return {
    world,
    inventory,
    sleeps,
    reads: () => reads,
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<undefined>();
      gate = promise;
      return () => resolve(undefined);
    },
    changes: () => changes.splice(0).filter(([kind]) => kind !== 'cluster'),
    clusterChanges: () => changes.splice(0).filter(([kind]) => kind === 'cluster').length,
  };
};

const aNodeRow: Extract<ResourceRow, { type: 'node' }> = {
  type: 'node',
  node: nodeName('pve1'),
  status: 'online',
  maxcpu: 8,
  maxmem: undefined,
  mem: undefined,
  hastate: undefined,
};

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('the view', () => {
  test('is absent until the first read, and then holds the whole cluster', async () => {
    const { world, inventory } = rig();
    expect(inventory.view()).toBeUndefined();
    world.resources = [
      guest(100),
      guest(200, { type: 'lxc' }),
      {
        type: 'node',
        node: nodeName('pve1'),
        status: 'online',
        maxcpu: 8,
        maxmem: undefined,
        mem: undefined,
        hastate: undefined,
      },
      {
        type: 'storage',
        node: nodeName('pve1'),
        storage: 'local',
        status: 'available',
        plugintype: 'dir',
        content: ['iso'],
        shared: false,
        disk: undefined,
        maxdisk: undefined,
      },
    ];
    world.tasks = [task('a'), task('b', true)];
    const view = await inventory.refresh();
    expect(inventory.view()).toBe(view);
    expect(view.guests.get(vmid(100))).toMatchObject({ name: 'vm-100', node: 'pve1' });
    expect(view.guests.get(vmid(200))?.type).toBe('lxc');
    expect(view.nodes).toEqual([{ name: 'pve1', online: true, cpus: 8, memory: 0, memoryUsed: 0 }]);
    expect(view.storages).toMatchObject([{ storage: 'local', type: 'dir', shared: false }]);
    expect(view.activeTasks.map((each) => each.upid)).toEqual(['UPID:a']);
  });

  test.each(['qmdelsnapshot', 'qmsnapshot', 'qmrollback'])(
    'changes with a task of type %s that ended, which the list of guests does not show, and only once',
    async (type) => {
      const { world, inventory } = rig();
      const changes: string[] = [];
      inventory.onChange((vmids, kind) => changes.push(`${kind} ${[...vmids].join()}`));
      world.resources = [guest(100), guest(101)];
      await inventory.refresh();
      changes.length = 0;
      world.tasks = [
        { ...task('old', true), type: 'qmclone' },
        { ...task('snap'), type },
      ];
      await inventory.refresh();
      expect(changes).toEqual([]);
      world.tasks = [{ ...task('snap', true), type }];
      const view = await inventory.refresh();
      expect(changes).toEqual(['changed 100']);
      expect(view.guests.get(vmid(100))?.snapshotTask).toBe('UPID:snap');
      // PVE lists ended tasks only for a while.
      world.tasks = [];
      await inventory.refresh();
      expect(changes).toEqual(['changed 100']);
    },
  );

  test.each<[string, ClusterStatus | Error, string]>([
    ['a node without a cluster', SINGLE, 'yes'],
    ['a cluster with a majority', { cluster: { name: 'prod', quorate: true }, nodes: [] }, 'yes'],
    ['a cluster without one', { cluster: { name: 'prod', quorate: false }, nodes: [] }, 'no'],
    ['a cluster that may not be asked', failing('forbidden'), 'unknown'],
  ])('of %s is quorate: %#', async (_what, status, quorate) => {
    const { world, inventory } = rig();
    world.status = status;
    expect((await inventory.refresh()).quorate).toBe(quorate);
  });

  test('survives a failed read, marked as stale since then, until one succeeds', async () => {
    const { world, inventory, clusterChanges } = rig();
    world.resources = [guest(100)];
    await inventory.refresh();
    clusterChanges();
    world.down = failing('unavailable');
    await expect(inventory.refresh()).rejects.toThrow('It is unavailable.');
    const since = inventory.view()?.staleSince;
    expect(since).toEqual(expect.any(Number));
    await expect(inventory.refresh()).rejects.toThrow();
    expect(inventory.view()).toMatchObject({ staleSince: since, guests: new Map([[100, guest(100)]]) });
    expect(inventory.lastError?.message).toBe('It is unavailable.');
    expect(clusterChanges()).toBe(1);
    delete world.down;
    await inventory.refresh();
    expect(inventory.view()?.staleSince).toBeUndefined();
    expect(inventory.lastError).toBeUndefined();
    expect(clusterChanges()).toBe(1);
  });
});

describe('changes', () => {
  test('name the guests that came, differ and went', async () => {
    const { world, inventory, changes } = rig();
    world.resources = [guest(100), guest(101)];
    await inventory.refresh();
    expect(changes()).toEqual([['appeared', [100, 101]]]);
    world.resources = [guest(101, { status: 'stopped' }), guest(102)];
    await inventory.refresh();
    expect(changes()).toEqual([
      ['appeared', [102]],
      ['changed', [101]],
      ['gone', [100]],
    ]);
  });

  test.each<Partial<GuestRow>>([
    { node: nodeName('pve2') },
    { name: 'other' },
    { status: 'paused' },
    { lock: 'backup' },
    { template: true },
    { tags: ['x'] },
    { maxcpu: 4 },
    { pool: 'k8s' },
    { hastate: 'started' },
  ])('are reported for %j', async (over) => {
    const { world, inventory, changes } = rig();
    world.resources = [guest(100)];
    await inventory.refresh();
    changes();
    world.resources = [guest(100, over)];
    await inventory.refresh();
    expect(changes()).toEqual([['changed', [100]]]);
  });

  test('are not reported for counters', async () => {
    const { world, inventory, changes } = rig();
    world.resources = [guest(100)];
    await inventory.refresh();
    changes();
    world.resources = [guest(100, { uptime: 99 })];
    const view = await inventory.refresh();
    expect(changes()).toEqual([]);
    expect(view.guests.get(vmid(100))?.uptime).toBe(99);
  });

  test('are reported for a guest that was stopped and started between two reads', async () => {
    const { world, inventory, changes } = rig();
    world.resources = [guest(100, { uptime: 900 }), guest(101, { uptime: 900 })];
    await inventory.refresh();
    changes();
    world.resources = [guest(100, { uptime: 3 }), guest(101, { uptime: 905 })];
    const once = await inventory.refresh();
    expect(changes()).toEqual([['changed', [100]]]);
    world.resources = [guest(100, { uptime: 8 }), guest(101, { uptime: 910 })];
    const later = await inventory.refresh();
    expect(changes()).toEqual([]);
    expect(later.guests.get(vmid(100))?.restarts).toBe(1);
    expect(once.guests.get(vmid(101))?.restarts).toBeUndefined();
  });

  test('are reported for the guests of a node that goes offline, although they are listed as before', async () => {
    const { world, inventory, changes } = rig();
    const listed = (status: string): ResourceRow[] => [{ ...aNodeRow, status }, guest(100, { uptime: 900 })];
    world.resources = listed('online');
    await inventory.refresh();
    changes();
    world.resources = listed('offline');
    await inventory.refresh();
    expect(changes()).toEqual([['changed', [100]]]);
    world.resources = listed('online');
    expect((await inventory.refresh()).guests.get(vmid(100))).not.toHaveProperty('nodeOffline');
  });

  test('of the cluster are that HA begins and ends the maintenance of a node', async () => {
    const { world, inventory, clusterChanges } = rig();
    world.resources = [aNodeRow];
    await inventory.refresh();
    clusterChanges();
    world.resources = [{ ...aNodeRow, hastate: 'maintenance' }];
    expect((await inventory.refresh()).nodes).toMatchObject([{ name: 'pve1', hastate: 'maintenance' }]);
    world.resources = [aNodeRow];
    await inventory.refresh();
    expect(clusterChanges()).toBe(2);
  });

  test('do not make a guest nameless whose node is offline', async () => {
    const { world, inventory } = rig();
    const template = guest(9000, { name: 'ubuntu', template: true, status: 'stopped', tags: ['a'] });
    world.resources = [aNodeRow, template];
    await inventory.refresh();
    const nameless = guest(9000, { name: undefined, template: false, status: 'unknown', tags: [] });
    world.resources = [{ ...aNodeRow, status: 'offline' }, nameless];
    expect((await inventory.refresh()).guests.get(vmid(9000))).toMatchObject({
      name: 'ubuntu',
      template: true,
      status: 'unknown',
    });
    // On a node that is online it is being created, or its configuration is another.
    world.resources = [aNodeRow, nameless];
    expect((await inventory.refresh()).guests.get(vmid(9000))).toMatchObject({
      name: undefined,
      template: false,
    });
  });

  test('of the cluster are distinguished', async () => {
    const { world, inventory, clusterChanges } = rig();
    await inventory.refresh();
    clusterChanges();
    await inventory.refresh();
    expect(clusterChanges()).toBe(0);
    world.status = { cluster: { name: 'prod', quorate: false }, nodes: [] };
    await inventory.refresh();
    expect(clusterChanges()).toBe(1);
  });

  test('reach the other listeners when one throws, and the view stays good', async () => {
    const { world, inventory } = rig();
    const heard: ChangeKind[] = [];
    inventory.onChange(() => {
      throw new Error('broken listener');
    });
    const stop = inventory.onChange((_vmids, kind) => heard.push(kind));
    world.resources = [guest(100)];
    const view = await inventory.refresh();
    expect(view.staleSince).toBeUndefined();
    expect(heard).toEqual(['appeared', 'cluster']);
    stop();
    world.resources = [];
    await inventory.refresh();
    expect(heard).toHaveLength(2);
  });
});

describe('a refresh', () => {
  test('never takes part in a read that began before it, and shares the next with others', async () => {
    const { world, inventory, reads, hold } = rig();
    const release = hold();
    const first = inventory.refresh();
    world.resources = [guest(100)];
    const second = inventory.refresh();
    const third = inventory.refresh();
    release();
    expect((await first).guests.size).toBe(0);
    expect((await second).guests.size).toBe(1);
    expect(await third).toBe(await second);
    expect(reads()).toBe(2);
  });

  test('is made even if the read before it fails', async () => {
    const { world, inventory, hold } = rig();
    const release = hold();
    world.down = failing('unavailable');
    const first = inventory.refresh();
    const second = inventory.refresh();
    release();
    await expect(first).rejects.toThrow('unavailable');
    delete world.down;
    await expect(second).resolves.toMatchObject({ quorate: 'yes' });
  });

  test('can be given up without hurting the read', async () => {
    const { inventory, hold } = rig();
    const release = hold();
    const controller = new AbortController();
    const given = inventory.refresh(controller.signal);
    controller.abort(new Error('not needed any more'));
    await expect(given).rejects.toThrow('not needed any more');
    release();
    await settle();
    expect(inventory.view()).toBeDefined();
  });
});

describe('the loop', () => {
  test('reads, sleeps and reads again, through failures, until it is asked to end', async () => {
    const { world, inventory, sleeps, reads } = rig();
    const controller = new AbortController();
    world.down = failing('unavailable');
    inventory.start(controller.signal);
    await settle();
    expect([reads(), sleeps.length]).toEqual([1, 1]);
    delete world.down;
    sleeps[0]!();
    await settle();
    expect([reads(), sleeps.length]).toEqual([2, 2]);
    expect(inventory.view()).toBeDefined();
    controller.abort();
    await settle();
    expect([reads(), sleeps.length]).toEqual([2, 2]);
  });
});

describe('a cluster with more than the operator reads', () => {
  test('is not asked again for a while, neither by passes nor by an operator that has just started', async () => {
    const { world, inventory, reads } = rig();
    world.down = failing('excessive');
    for (let pass = 0; pass < 20; pass += 1)
      await expect(inventory.refresh()).rejects.toThrow('It is excessive.');
    expect(reads()).toBe(1);
    expect(inventory.lastError).toMatchObject({ refusal: 'excessive' });
  });

  test('keeps the view that there was, marked as stale', async () => {
    const { world, inventory, clusterChanges } = rig();
    world.resources = [guest(100)];
    await inventory.refresh();
    clusterChanges();
    world.down = failing('excessive');
    await inventory.refresh().catch(() => undefined);
    await inventory.refresh().catch(() => undefined);
    expect(inventory.view()?.guests.size).toBe(1);
    expect(inventory.view()?.staleSince).toBeDefined();
    expect(clusterChanges()).toBe(1);
  });

  const many = (count: number): GuestRow[] =>
    Array.from({ length: count }, (_, at) => guest(100 + at, { name: 'x'.repeat(200) }));

  test('is refused where the lists of other clusters have taken the memory, until one of them goes', async () => {
    const room = commonRoom({ total: 1.6 * MiB, each: 10 * MiB });
    const [first, second, third] = [rig({ room }), rig({ room }), rig({ room })];
    first.world.resources = second.world.resources = third.world.resources = many(2000);
    const stopping = new AbortController();
    first.inventory.start(stopping.signal);
    await first.inventory.refresh();
    await second.inventory.refresh();
    await expect(third.inventory.refresh()).rejects.toMatchObject({
      refusal: 'excessive',
      message: expect.stringContaining('those of all Providers'),
    });
    stopping.abort();
    const fourth = rig({ room });
    fourth.world.resources = many(2000);
    await expect(fourth.inventory.refresh()).resolves.toMatchObject({ staleSince: undefined });
  });

  test('loses its view to a cluster that grows and has less, and is read again once there is room', async () => {
    const room = commonRoom({ total: 3 * MiB, each: 10 * MiB });
    const [hostile, growing] = [rig({ room }), rig({ room })];
    hostile.world.resources = many(4500);
    growing.world.resources = many(1000);
    await hostile.inventory.refresh();
    await growing.inventory.refresh();
    hostile.clusterChanges();
    growing.world.resources = many(2500);
    await expect(growing.inventory.refresh()).resolves.toMatchObject({ staleSince: undefined });
    expect(hostile.inventory.view()).toBeUndefined();
    expect(silence(hostile)).toEqual({ since: hostile.inventory.droppedAt });
    expect(hostile.inventory.lastError).toMatchObject({ refusal: 'excessive' });
    expect(hostile.clusterChanges()).toBe(1);
    await expect(hostile.inventory.refresh()).rejects.toMatchObject({ refusal: 'excessive' });

    const other = rig({ room });
    other.world.resources = many(100);
    await other.inventory.refresh();
    expect(silence(other)).toBeUndefined();
  });

  test('has a view again once it fits', async () => {
    const room = commonRoom({ total: 3 * MiB, each: 10 * MiB });
    const [hostile, growing] = [rig({ room }), rig({ room })];
    hostile.world.resources = many(4500);
    growing.world.resources = many(2500);
    await hostile.inventory.refresh();
    await growing.inventory.refresh();
    hostile.world.resources = many(1000);
    await hostile.inventory.refresh();
    expect(silence(hostile)).toBeUndefined();
    expect(hostile.inventory.view()?.guests.size).toBe(1000);
  });

  test('counts once, however often it is read', async () => {
    const { world, inventory } = rig({ room: commonRoom({ total: 0.8 * MiB, each: 10 * MiB }) });
    world.resources = many(1900);
    for (let read = 0; read < 5; read += 1)
      await expect(inventory.refresh()).resolves.toMatchObject({ staleSince: undefined });
  });
});
