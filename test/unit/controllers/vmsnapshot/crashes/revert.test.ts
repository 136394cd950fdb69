/** With any fault on the way, a VM is rolled back once at most, and what is said of it is true. */
import { describe, expect, test } from '@jest/globals';
import type { VirtualMachine } from '../../../../../src/api/index.ts';
import { atCalls, FAULTS, isDistinct, Saboteur, type Fault } from '../../../../builders/saboteur.ts';
import { NOW } from '../../../../builders/guests.ts';
import { SnapshotLife } from '../../../../builders/snapshot-life.ts';

type Recorded = NonNullable<NonNullable<VirtualMachine['status']>['internal']>['revert'];

/** What the controller of the VM does: it leaves the guest alone for the revert that it has seen. */
function acknowledge(life: SnapshotLife, revert: Recorded): void {
  const { vm } = life;
  if (vm) life.vm = { ...vm, status: { ...vm.status, internal: { ...vm.status?.internal, revert } } };
}

interface Story {
  readonly fault?: readonly [call: number, fault: Fault];
  /** Done once the revert is announced. */
  readonly meanwhile?: (life: SnapshotLife) => void;
  readonly fails?: string;
}

async function revert({ fault, meanwhile, fails }: Story = {}) {
  let armedAt = Infinity;
  const calls: string[] = [];
  const strike = atCalls(fault ? [fault] : []);
  const saboteur = new Saboteur((call, what) => {
    if (call > armedAt) calls.push(what);
    return strike(call - armedAt, what);
  });
  const life = new SnapshotLife({ between: saboteur.between, isDead: saboteur.isDead });
  await life.untilReady();
  life.now += 60_000;
  armedAt = saboteur.called.length;
  if (fails !== undefined) life.pve.failures.push({ type: 'qmrollback', exit: fails });
  const requestedAt = new Date(life.now).toISOString();
  life.store.editSpec({ revert: { requestedAt } });
  let isDone = false;
  await life.until(() => {
    const open = life.status.internal?.revert;
    const { uid, name } = life.store.live()?.metadata ?? { uid: '', name: '' };
    if (open && !isDone) meanwhile?.(life);
    isDone ||= open !== undefined;
    acknowledge(
      life,
      open && { snapshot: name, uid, requestedAt: open.requestedAt, generation: 1, state: 'Announced' },
    );
    return life.status.lastRevert !== undefined || life.store.live() === undefined;
  });
  const { lastRevert, internal } = life.status;
  life.afterwards();
  for (let n = 0; n < 5; n += 1) await life.pass();
  return { life, calls, open: internal?.revert, last: lastRevert, rollbacks: life.pve.rollbacks };
}

describe('a time that the operator sees for the first time', () => {
  /** Nothing about guests can be read until the first passes have ended. */
  async function unreadAtFirst(life: SnapshotLife, world: { silent: boolean }): Promise<number> {
    world.silent = true;
    for (let pass = 0; pass < 4; pass += 1) await life.pass();
    world.silent = false;
    await life.until(() => life.status.readyToUse === true);
    for (let pass = 0; pass < 40; pass += 1) {
      const open = life.status.internal?.revert;
      const { uid, name } = life.store.live()!.metadata;
      const announced = { snapshot: name, uid, generation: 1, state: 'Announced' } as const;
      if (open) acknowledge(life, { ...announced, requestedAt: open.requestedAt });
      await life.pass();
    }
    return life.pve.rollbacks;
  }

  function silenced(options: ConstructorParameters<typeof SnapshotLife>[0] = {}) {
    const world = { silent: false };
    const saboteur = new Saboteur((_call, what) =>
      world.silent && what.startsWith('GET /nodes/') ? 'is lost' : undefined,
    );
    return {
      world,
      life: new SnapshotLife({ ...options, between: saboteur.between, isDead: saboteur.isDead }),
    };
  }

  test('is only recorded, although the first pass found a server that does not answer', async () => {
    const requestedAt = new Date(NOW + 3 * 60_000).toISOString();
    const { life, world } = silenced({ snapshot: { spec: { revert: { requestedAt } } } });
    expect(await unreadAtFirst(life, world)).toBe(0);
    expect(life.status.lastRevert).toMatchObject({ requestedAt, result: 'NotRun' });
  });

  test('is not carried out again where the status was lost, also if the VM alone remembers it', async () => {
    const { life, world } = silenced();
    await life.untilReady();
    life.now += 2 * 60_000;
    const requestedAt = new Date(life.now).toISOString();
    life.store.editSpec({ revert: { requestedAt } });
    const { uid, name } = life.store.live()!.metadata;
    acknowledge(life, { snapshot: name, uid, requestedAt, generation: 1, state: 'Restored' });
    life.store.loseStatus();
    life.restart();
    expect(await unreadAtFirst(life, world)).toBe(0);
  });
});

describe('a revert', () => {
  test('is sent once, and its snapshot stays ready', async () => {
    const { last, rollbacks, life } = await revert();
    expect([last?.result, rollbacks]).toEqual(['Reverted', 1]);
    expect(life.status.readyToUse).toBe(true);
    expect(life.ready).toMatch(/^True/);
  });

  test('waits until the VM leaves its guest alone', async () => {
    const life = new SnapshotLife();
    await life.untilReady();
    life.now += 60_000;
    life.store.editSpec({ revert: { requestedAt: new Date(life.now).toISOString() } });
    for (let n = 0; n < 10; n += 1) await life.pass();
    expect(life.pve.rollbacks).toBe(0);
    expect(life.status.internal?.revert?.state).toBe('Announced');
    expect(life.ready).toContain('RevertInProgress');
    life.now += 25 * 60 * 60_000;
    for (let n = 0; n < 5; n += 1) await life.pass();
    expect(life.status.lastRevert).toMatchObject({ result: 'NotRun' });
    expect(life.status.internal?.revert).toBeUndefined();
  });

  test('that is taken back before it is sent is not carried out', async () => {
    const { last, rollbacks } = await revert({
      meanwhile: (life) => life.store.editSpec({ revert: undefined }),
    });
    expect([last?.result, rollbacks]).toEqual(['NotRun', 0]);
  });

  test('that is blocked between its record and its request is carried out once, also by another process', async () => {
    const life = new SnapshotLife();
    await life.untilReady();
    life.now += 60_000;
    life.store.editSpec({ revert: { requestedAt: new Date(life.now).toISOString() } });
    const stateOf = () => life.status.internal?.revert?.state;
    await life.until(() => stateOf() === 'Announced');
    const { requestedAt = '' } = life.status.internal?.revert ?? {};
    const { name, uid } = life.store.live()!.metadata;
    acknowledge(life, { snapshot: name, uid, requestedAt, generation: 1, state: 'Announced' });
    await life.until(() => stateOf() === 'Sent');
    expect(life.pve.rollbacks).toBe(0);
    const free = life.guest.config;
    life.guest.config = { ...free, lock: 'backup' };
    for (let n = 0; n < 5; n += 1) await life.pass();
    expect(life.ready).toContain('Locked: Proxmox VE holds the lock "backup"');
    expect(stateOf()).toBe('Announced');
    const version = life.store.live()?.metadata.resourceVersion;
    for (let n = 0; n < 5; n += 1) await life.pass();
    expect(life.store.live()?.metadata.resourceVersion).toBe(version);
    life.restart();
    for (let n = 0; n < 60; n += 1) await life.pass();
    life.guest.config = free;
    await life.until(() => life.status.lastRevert !== undefined);
    expect(life.status.lastRevert?.result).toBe('Reverted');
    life.afterwards();
    for (let n = 0; n < 5; n += 1) await life.pass();
    expect(life.pve.rollbacks).toBe(1);
  });

  test('is given up with the snapshot', async () => {
    const { rollbacks, last } = await revert({
      meanwhile: (life) => life.guest.snapshots.clear(),
    });
    expect([last?.result, rollbacks]).toEqual(['NotRun', 0]);
  });

  test('keeps nobody waiting once the VM is deleted', async () => {
    const { rollbacks, open, last } = await revert({
      meanwhile: (life) => {
        life.vm = undefined;
      },
    });
    expect([last?.result, open, rollbacks]).toEqual(['NotRun', undefined, 0]);
  });

  test.each([
    ["can't rollback, 'a' is not most recent snapshot on 'tank:vm-101-disk-0'", 'Failed'],
    ['qemu-img exited with code 1', 'Unknown'],
  ])('whose task fails is not repeated (%s)', async (fails, result) => {
    const { last, rollbacks, life } = await revert({ fails });
    expect([last?.result, rollbacks]).toEqual([result, 0]);
    expect(last?.message?.toLowerCase()).toContain(fails.toLowerCase());
    const said = life.ready.toLowerCase();
    expect(said).toMatch(new RegExp(`^true .*ended with ${result}`, 'i'));
    expect(said).toContain(fails.toLowerCase());
  });

  test.each(FAULTS)(
    'is carried out once at most if any call %s',
    async (kind) => {
      const { calls } = await revert();
      expect(calls).toContain('POST /nodes/{node}/qemu/{vmid}/snapshot/{snapname}/rollback');
      for (const [index, what] of calls.entries()) {
        if (!isDistinct(kind, what)) continue;
        const { last, rollbacks, open } = await revert({ fault: [index + 1, kind] });
        const seen = { call: index + 1, what, result: last?.result, rollbacks, open };
        expect(open).toBeUndefined();
        expect(rollbacks).toBeLessThanOrEqual(1);
        if (last?.result !== 'Unknown') expect(seen).toMatchObject({ result: 'Reverted', rollbacks: 1 });
      }
    },
    60_000,
  );
});
