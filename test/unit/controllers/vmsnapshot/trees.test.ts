import { describe, expect, test } from '@jest/globals';
import { createTrees, type At } from '../../../../controllers/vmsnapshot/observe/trees.ts';
import { nodeName, vmid, type Vmid } from '../../../../src/lib/units.ts';
import { PveError, type CallOptions } from '../../../../src/pve/index.ts';
import { NOW } from '../../../builders/guests.ts';

/** A guest without snapshots in Proxmox VE. */
class World {
  now = NOW;
  /** How often the guest, or its absence, was read. */
  reads = 0;
  /** As the guest has it, and as the lists do. */
  lock: string | undefined;
  listedLock: string | undefined;
  isThere = true;
  isListed = true;
  /** What the answers wait for. */
  held: Promise<unknown> = Promise.resolve();
  readonly trees = createTrees(() => this.now);

  /** On the PVE cluster that `cluster` stands for. */
  at(uid = 'a', cluster: object = this): At {
    const number = vmid(101);
    const qemu = {
      pending: async ({ signal }: CallOptions) => {
        this.reads += 1;
        await this.held;
        signal?.throwIfAborted();
        if (!this.isThere) throw gone();
        return { values: this.lock === undefined ? {} : { lock: this.lock }, digest: 'd', options: [] };
      },
      status: () => Promise.resolve({ status: 'stopped', ha: { managed: false } }),
      snapshots: { list: () => Promise.resolve({ snapshots: [], parent: undefined }) },
    };
    const view = () => ({
      guests: new Map<Vmid, object>(this.isListed ? [[number, this.#row()]] : []),
      nodes: [{ name: nodeName('pve-1'), online: true }],
      clusterName: 'homelab',
      activeTasks: [],
      quorate: 'yes',
    });
    const connection = (this.#connections[uid] ??= {
      ledger: cluster,
      identity: { name: 'homelab', nodes: ['pve-1'] },
      inventory: { view, refresh: () => Promise.resolve(view()) },
      pve: {
        node: () => ({ qemu: () => qemu }),
        cluster: { nextid: () => Promise.resolve({ free: true }) },
      },
    });
    const hint = nodeName('pve-1');
    return {
      uid,
      connection: connection as unknown as At['connection'],
      vmid: number,
      hint,
      isProven: () => this.proven,
      isMade: this.isMade,
    };
  }

  proven = true;
  isMade = true;

  readonly #connections: Record<string, object> = {};

  readonly #row = () => ({ node: nodeName('pve-1'), type: 'qemu', lock: this.listedLock });

  look = async (uid?: string) => (await this.trees.look(this.at(uid), {})).presence;

  /** So many passes at once. */
  looks = (count: number) => Promise.allSettled(Array.from({ length: count }, () => this.look()));

  /** The answers wait until the function is called. */
  hold(): (error?: Error) => void {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    this.held = promise;
    return (error) => {
      this.held = Promise.resolve();
      if (error) reject(error);
      else resolve(undefined);
    };
  }
}

const gone = (): PveError =>
  new PveError({
    refusal: 'notFound',
    method: 'GET',
    route: 'GET /nodes/{node}/qemu/{vmid}/config',
    code: 'http500',
    absent: 'guest',
    message: 'VM 101 does not exist',
  });

test('the scan comes to one VM of each PVE cluster, the one read longest ago, and to none within five minutes', async () => {
  const world = new World();
  const { trees } = world;
  const [one, two] = [{}, {}];
  const all = [world.at('a', one), world.at('b', one), world.at('c', two)];
  for (const each of all) {
    await trees.read(each, {});
    world.now += 1000;
  }
  world.now = NOW + 299_000;
  expect(trees.takeOldest()).toEqual([]);
  world.now = NOW + 303_500;
  expect(trees.takeOldest()).toEqual(['a', 'c']);
  const reads: number[] = [];
  for (const each of all) {
    await trees.look(each, {});
    reads.push(world.reads);
  }
  expect(reads).toEqual([4, 4, 5]);
  expect(trees.takeOldest()).toEqual(['b']);
  expect(trees.takeOldest()).toEqual([]);
});

describe('passes that look at a guest', () => {
  test('share one read, and later ones what it found', async () => {
    const world = new World();
    const all = await world.looks(32);
    expect(new Set(all.map(({ status }) => status))).toEqual(new Set(['fulfilled']));
    await world.looks(32);
    expect(world.reads).toBe(1);
  });

  test('share its failure, and the next one reads again', async () => {
    const world = new World();
    const release = world.hold();
    const all = world.looks(32);
    release(new Error('no answer'));
    expect(new Set((await all).map(({ status }) => status))).toEqual(new Set(['rejected']));
    expect(world.reads).toBe(1);
    expect((await world.look()).kind).toBe('seen');
    expect(world.reads).toBe(2);
  });

  test('end with their own signal only', async () => {
    const world = new World();
    const release = world.hold();
    const ending = new AbortController();
    const first = world.trees.look(world.at(), { signal: ending.signal });
    const second = world.look();
    ending.abort(new Error('the pass is over'));
    await expect(first).rejects.toThrow('the pass is over');
    release();
    expect((await second).kind).toBe('seen');
    expect(world.reads).toBe(1);
  });

  test('do not share a read that began before the lists changed', async () => {
    const world = new World();
    const release = world.hold();
    const before = world.look();
    world.listedLock = 'snapshot';
    const after = world.look();
    release();
    await Promise.all([before, after]);
    expect(world.reads).toBe(2);
    await world.look();
    expect(world.reads).toBe(2);
  });

  test('do not share the read of one that is about to change something, and find its result afterwards', async () => {
    const world = new World();
    const release = world.hold();
    const slow = world.look();
    world.held = Promise.resolve();
    const live = await world.trees.read(world.at(), {});
    expect(world.reads).toBe(2);
    world.lock = 'snapshot';
    release();
    await slow; // began earlier, so it is not what counts
    expect((await world.trees.look(world.at(), {})).presence).toBe(live.presence);
    expect(world.reads).toBe(2);
  });

  test('do not share what was read while the VM was being made: it got its mark since', async () => {
    const world = new World();
    Object.assign(world, { proven: false, isMade: false });
    await world.looks(2);
    expect(world.reads).toBe(1);
    world.isMade = true;
    await world.looks(2);
    expect(world.reads).toBe(2);
  });

  test('leave nothing behind of a VM that was forgotten meanwhile', async () => {
    const world = new World();
    const release = world.hold();
    const slow = world.look();
    world.trees.forget('a');
    release();
    await slow;
    await world.look();
    expect(world.reads).toBe(2);
  });
});

describe('a guest that is locked', () => {
  test('is read once while the lists show the lock, and again after its end', async () => {
    const world = new World();
    world.lock = world.listedLock = 'backup';
    for (let pass = 0; pass < 20; pass += 1)
      expect(await world.look()).toMatchObject({ guest: { lock: 'backup' } });
    expect(world.reads).toBe(1);
    world.lock = world.listedLock = undefined;
    expect(await world.look()).toMatchObject({ guest: { lock: undefined } });
    await world.look();
    expect(world.reads).toBe(2);
  });

  test.each([undefined, 'clone'])('is read each time while the lists show %s instead', async (listed) => {
    const world = new World();
    world.lock = 'backup';
    world.listedLock = listed;
    await world.look();
    await world.look();
    expect(world.reads).toBe(2);
  });
});

describe('a guest that is absent', () => {
  const absent = (): World => {
    const world = new World();
    world.isThere = world.isListed = false;
    return world;
  };

  test('is searched for once in 30 seconds', async () => {
    const world = absent();
    expect((await world.look()).kind).toBe('absent');
    world.now += 29_999;
    expect((await world.look()).kind).toBe('absent');
    expect(world.reads).toBe(1);
    world.now += 1;
    await world.look();
    expect(world.reads).toBe(2);
  });

  test('is searched for once too if the lists had it until then', async () => {
    const world = absent();
    world.isListed = true;
    const release = world.hold();
    const first = world.look();
    world.isListed = false;
    release();
    expect((await first).kind).toBe('absent');
    await world.look();
    expect(world.reads).toBe(1);
  });

  test('is read once it is listed again, and before something is changed', async () => {
    const world = absent();
    await world.look();
    await world.trees.read(world.at(), {});
    expect(world.reads).toBe(2);
    world.isThere = world.isListed = true;
    expect((await world.look()).kind).toBe('seen');
    expect(world.reads).toBe(3);
  });

  test('is searched for on the other PVE cluster if its Provider leads there now', async () => {
    const world = absent();
    await world.look();
    const at = world.at();
    await world.trees.look({ ...at, connection: { ...at.connection, ledger: {} as never } }, {});
    expect(world.reads).toBe(2);
  });

  test('is left alone by the scan', async () => {
    const world = absent();
    expect((await world.look()).kind).toBe('absent');
    world.now += 301_000;
    expect(world.trees.takeOldest()).toEqual([]);
  });
});
