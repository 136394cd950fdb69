import { describe, expect, test } from '@jest/globals';
import fc from '../../builders/fast-check.ts';
import { MiB } from '../../../src/lib/units.ts';
import { commonRoom, serverRoom, type CommonRoom, type OwnRoom } from '../../../src/pve/room.ts';

/** What no other server can take: the part of its own, and the beginning of each answer. */
const FIRST = 16 * 1024;
const OWN = MiB + FIRST;

describe('the memory for what servers send', () => {
  test('gives no server more than its share', () => {
    const open = serverRoom(commonRoom({ total: 100 * MiB, each: 10 * MiB }));
    expect(open().take(10 * MiB)).toBe(true);
    expect(open().take(FIRST + FIRST + 1)).toBe(false);
  });

  test('gives all servers together no more than there is, beyond a part for each', () => {
    const common = commonRoom({ total: 10 * MiB, each: 20 * MiB });
    const [first, second, third] = [serverRoom(common)(), serverRoom(common)(), serverRoom(common)()];
    expect(first.take(OWN + 9 * MiB)).toBe(true);
    expect(second.take(OWN + 2 * MiB)).toBe(false);
    expect(second.take(OWN + MiB)).toBe(true);
    // Others have taken everything, but not what each server has for itself.
    expect(third.take(OWN)).toBe(true);
    expect(third.take(1)).toBe(false);
  });

  test('has all of it again once everything was given back, in whatever order', () => {
    const common = commonRoom({ total: 10 * MiB, each: 10 * MiB });
    const open = serverRoom(common);
    const [first, second] = [open(), open()];
    first.take(6 * MiB);
    second.take(3 * MiB);
    first.give(2 * MiB);
    first.release();
    second.release();
    expect(common.free).toBe(10 * MiB);
    expect(common.servers.size).toBe(0);
    expect(open().take(10 * MiB)).toBe(true);
  });

  test('is taken from the server that has most, for one that has less than its share', () => {
    const common = commonRoom({ total: 12 * MiB, each: 12 * MiB });
    const [large, larger, growing] = [holder(common), holder(common), holder(common)];
    large.room.take(OWN + 5 * MiB);
    larger.room.take(OWN + 7 * MiB);
    growing.room.take(OWN);
    expect(growing.room.take(3 * MiB)).toBe(true);
    expect([large.lost, larger.lost]).toEqual([0, 1]);
    // It has the room again that is left, and no more.
    expect(larger.room.take(OWN + 4 * MiB + 1)).toBe(false);
    expect(larger.room.take(OWN + 4 * MiB)).toBe(true);
  });

  test('is not taken from anybody for a server that has its share', () => {
    const common = commonRoom({ total: 12 * MiB, each: 12 * MiB });
    const [first, second] = [holder(common), holder(common)];
    first.room.take(OWN + 7 * MiB);
    second.room.take(OWN + 5 * MiB);
    expect(second.room.take(2 * MiB)).toBe(false);
    expect(first.lost).toBe(0);
  });

  test('is not taken from one tenant for another that brings many servers', () => {
    const common = commonRoom({ total: 12 * MiB, each: 12 * MiB });
    const large = holder(common, 'one');
    large.room.take(OWN + 6 * MiB);
    const many = Array.from({ length: 12 }, () => holder(common, 'other'));
    for (const { room } of many) room.take(OWN + MiB);
    expect(large.lost).toBe(0);
    expect(many.filter(({ lost }) => lost > 0)).toEqual([]);
    expect(common.free).toBe(0);
  });

  test('is taken from a tenant that brings many servers, for another that has less than its share', () => {
    const common = commonRoom({ total: 12 * MiB, each: 12 * MiB });
    const many = Array.from({ length: 12 }, () => holder(common, 'other'));
    for (const { room } of many) room.take(OWN + MiB);
    const large = holder(common, 'one');
    expect(large.room.take(OWN + 6 * MiB)).toBe(true);
    expect(many.filter(({ lost }) => lost > 0)).toHaveLength(6);
  });

  function holder(common: CommonRoom, tenant?: string) {
    const room = serverRoom(common, tenant)();
    const state = { room, bytes: 0, lost: 0 };
    room.onTakenAway = () => {
      state.lost += 1;
      state.bytes = 0;
    };
    return state;
  }

  test('of many servers is never more than there is, and none is refused its share, whatever the others do', () => {
    const total = 100 * MiB;
    const step = fc.record({ who: fc.nat(19), to: fc.integer({ min: 0, max: 60 * MiB }) });
    let shares = 0;
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 20, maxLength: 200 }),
        fc.integer({ min: 1, max: 6 }),
        (steps, tenants) => {
          const common = commonRoom({ total, each: 50 * MiB });
          const holders = Array.from({ length: 20 }, (_, at) =>
            Object.assign(holder(common, `tenant-${at % tenants}`), { tenant: at % tenants }),
          );
          for (const { who, to } of steps) {
            const one = holders[who]!;
            const others = holders.filter((other) => other !== one && other.bytes > OWN);
            const share = total / new Set([one, ...others].map(({ tenant }) => tenant)).size;
            const beside = others.filter(({ tenant }) => tenant === one.tenant).length;
            const isTaken = one.room.take(to - one.bytes);
            if (isTaken) one.bytes = to;
            if (to <= OWN + share / (beside + 1) && to <= 50 * MiB) {
              shares += 1;
              expect(isTaken).toBe(true);
            }
            const inCommon = holders.reduce((sum, { bytes }) => sum + Math.max(0, bytes - OWN), 0);
            expect(inCommon).toBeLessThanOrEqual(total);
            expect(common.free).toBe(total - inCommon);
            expect(one.bytes).toBeLessThanOrEqual(50 * MiB + FIRST);
          }
        },
      ),
    );
    expect(shares).toBeGreaterThan(100);
  });

  test('that is in use otherwise is not taken away', () => {
    const common = commonRoom({ total: 12 * MiB, each: 12 * MiB });
    const rooms: OwnRoom[] = [serverRoom(common)(), serverRoom(common)()];
    rooms[0]!.take(OWN + 12 * MiB - FIRST - MiB);
    expect(rooms[1]!.take(OWN + 3 * MiB)).toBe(false);
  });
});
