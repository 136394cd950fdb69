import { describe, expect, test } from '@jest/globals';
import { MiB } from '../../../src/lib/units.ts';
import { serverRoom } from '../../../src/pve/room.ts';

describe('the memory for what servers send', () => {
  test('gives no server more than its share', () => {
    const open = serverRoom({ free: 100 * MiB, each: 10 * MiB });
    expect(open().take(10 * MiB)).toBe(true);
    expect(open().take(1)).toBe(false);
  });

  test('gives all servers together no more than there is, beyond a part for each', () => {
    const common = { free: 10 * MiB, each: 10 * MiB };
    const [first, second, third] = [serverRoom(common)(), serverRoom(common)(), serverRoom(common)()];
    expect(first.take(10 * MiB)).toBe(true);
    expect(second.take(3 * MiB)).toBe(false);
    expect(second.take(2 * MiB)).toBe(true);
    // Others have taken everything, but not what each server has for itself.
    expect(third.take(MiB)).toBe(true);
    expect(third.take(1)).toBe(false);
  });

  test('has all of it again once everything was given back, in whatever order', () => {
    const common = { free: 10 * MiB, each: 10 * MiB };
    const open = serverRoom(common);
    const [first, second] = [open(), open()];
    first.take(6 * MiB);
    second.take(3 * MiB);
    first.give(2 * MiB);
    first.release();
    second.release();
    expect(common.free).toBe(10 * MiB);
    expect(open().take(10 * MiB)).toBe(true);
  });
});
