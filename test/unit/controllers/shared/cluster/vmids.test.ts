import { describe, expect, test } from '@jest/globals';
import { createVmidAllocator } from '../../../../../controllers/shared/cluster/vmids.ts';
import { pve, PveError, type Pve, type Send } from '../../../../../src/pve/index.ts';
import { minutes, vmid, type Vmid } from '../../../../../src/lib/units.ts';
import { NOW } from '../../../../builders/guests.ts';
import { aRow, aView } from '../../../../builders/views.ts';

const RANGE = { start: 200, end: 203 };
/** Asks of one view, as callers that ask at the same time do. */
const EMPTY = aView();

function anAllocator({
  taken = [],
  claimed = [],
}: { taken?: readonly number[]; claimed?: readonly number[] } = {}) {
  const occupied = new Set(taken);
  const clock = { now: NOW };
  let asked = 0;
  let broken = false;
  const send: Send = (endpoint, params) => {
    asked += 1;
    if (broken) throw refusal('unavailable', 'no route');
    const wanted = (params as { readonly vmid?: number }).vmid;
    if (wanted !== undefined && occupied.has(wanted)) throw refusal('exists', `VM ${wanted} already exists`);
    let lowest = 100;
    while (occupied.has(lowest)) lowest += 1;
    return Promise.resolve(endpoint.reply.parse(wanted ?? lowest));
  };
  const client: Pve = pve(send);
  const allocator = createVmidAllocator(
    () => new Set(claimed.map((n) => vmid(n))),
    () => clock.now,
  );
  return {
    clock,
    reserve: (range?: typeof RANGE, view = EMPTY): Promise<Vmid | undefined> =>
      allocator.reserve(client, view, range),
    release: (n: number) => allocator.release(vmid(n)),
    coolingDown: (view = EMPTY) => allocator.coolingDown(view, RANGE),
    asked: () => asked,
    breakDown: (now: boolean) => (broken = now),
  };
}

const refusal = (kind: PveError['refusal'], pveMessage: string) =>
  new PveError({
    refusal: kind,
    method: 'GET',
    route: '/cluster/nextid',
    code: '400',
    message: pveMessage,
    pveMessage,
  });

describe('a VMID', () => {
  test('is another one for each of fifty that ask at the same time', async () => {
    const { reserve } = anAllocator({ taken: [100, 101, 105] });
    const numbers = await Promise.all(Array.from({ length: 50 }, () => reserve()));
    expect(new Set(numbers).size).toBe(50);
    expect(numbers).not.toContain(105);
    expect(Math.min(...numbers.map(Number))).toBe(102);
  });

  test('costs one list of all VMs, however many numbers are taken', async () => {
    let looks = 0;
    const client: Pve = pve((endpoint, params) =>
      Promise.resolve(endpoint.reply.parse((params as { readonly vmid?: number }).vmid ?? 100)),
    );
    const many = new Set(Array.from({ length: 500 }, (_, n) => vmid(100 + n)));
    const allocator = createVmidAllocator(
      () => {
        looks += 1;
        return many;
      },
      () => NOW,
    );
    expect(await allocator.reserve(client, EMPTY)).toBe(600);
    expect(looks).toBe(1);
  });

  test('walks on where Proxmox VE says that it is taken', async () => {
    const { reserve } = anAllocator({ taken: [200, 201] });
    expect(await reserve(RANGE)).toBe(202);
  });

  test('that PVE itself proposes is not asked about again, and the next one is', async () => {
    const { reserve, asked } = anAllocator();
    expect(await reserve()).toBe(100);
    expect(asked()).toBe(1);
    expect(await reserve()).toBe(101); // PVE proposes 100 again
    expect(asked()).toBe(3);
  });

  test('is none that a guest has or that stands in a status, and those are not asked about', async () => {
    const { reserve, asked } = anAllocator({ claimed: [201] });
    const view = aView({ guests: [aRow({ vmid: vmid(200) })] });
    expect(await reserve(RANGE, view)).toBe(202);
    expect(asked()).toBe(1);
  });

  test('is none when the range is used up, and the last of the range belongs to it', async () => {
    const { reserve } = anAllocator({ taken: [200, 201, 202] });
    expect(await reserve(RANGE)).toBe(203);
    expect(await reserve(RANGE)).toBeUndefined();
  });

  test('is assigned again ten minutes after it was released', async () => {
    const { reserve, release, clock } = anAllocator();
    expect(await reserve(RANGE)).toBe(200);
    clock.now += minutes(9);
    release(200);
    clock.now += minutes(10) - 1;
    expect(await reserve(RANGE)).toBe(201);
    clock.now += 1;
    expect(await reserve(RANGE)).toBe(200);
  });

  test('is named while it cools down, unless somebody has it or it is outside of the range', async () => {
    const { release, clock, coolingDown, reserve } = anAllocator({ taken: [201] });
    expect(coolingDown()).toBeUndefined();
    release(199);
    expect(await reserve({ start: 201, end: 201 })).toBeUndefined();
    expect(coolingDown()).toBeUndefined();
    release(202);
    expect(coolingDown()).toBe(202);
    expect(coolingDown(aView({ guests: [aRow({ vmid: vmid(202) })] }))).toBeUndefined();
    clock.now += minutes(10);
    expect(coolingDown()).toBeUndefined();
  });

  test('is still found after a request that failed', async () => {
    const { reserve, breakDown } = anAllocator();
    breakDown(true);
    await expect(reserve(RANGE)).rejects.toThrow('no route');
    breakDown(false);
    expect(await reserve(RANGE)).toBe(200);
  });
});
