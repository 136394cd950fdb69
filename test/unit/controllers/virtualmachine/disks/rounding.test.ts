import { describe, expect, test } from '@jest/globals';
import fc from '../../../../builders/fast-check.ts';
import { allocatedSize, compareSizes } from '../../../../../controllers/virtualmachine/disks/rounding.ts';
import { bytes, GiB, MiB } from '../../../../../src/lib/units.ts';

const KiB = 1024;
const TYPES = ['dir', 'nfs', 'lvm', 'lvmthin', 'zfspool', 'zfs', 'rbd', 'custom', undefined];

describe('a volume for which a size is asked', () => {
  test.each([
    ['dir', 1_500_000_000, 1_464_844 * KiB],
    ['lvmthin', 10_001 * MiB, 10_004 * MiB],
    ['lvm', 10_001 * MiB, 10_004 * MiB],
    ['zfspool', 10_001 * MiB - KiB, 10_001 * MiB],
    ['rbd', 10_001 * MiB - KiB, 10_001 * MiB],
    [undefined, 10_001 * MiB, 10_001 * MiB],
  ])('on %s gets at least that, in the units of the storage', (type, asked, size) => {
    expect(allocatedSize(bytes(asked), type)).toBe(size);
  });

  test('is as desired wherever the configuration shows it: as asked, or as allocated', () => {
    fc.assert(
      fc.property(fc.constantFrom(...TYPES), fc.integer({ min: MiB, max: 64 * GiB }), (type, size) => {
        const desired = bytes(size);
        const allocated = allocatedSize(desired, type);
        return [desired, allocated].every((now) => compareSizes(now, desired, type) === 'equal');
      }),
    );
  });

  test('is asked for once: what is asked for to grow is as desired afterwards, and more than there was', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...TYPES),
        fc.integer({ min: MiB, max: GiB }),
        fc.integer({ min: MiB, max: GiB }),
        (type, one, other) => {
          const [now, desired] = [bytes(one), bytes(other)];
          if (compareSizes(now, desired, type) !== 'smaller') return true;
          const grown = allocatedSize(desired, type);
          return grown > allocatedSize(now, type) && compareSizes(grown, desired, type) === 'equal';
        },
      ),
    );
  });
});

describe('a size', () => {
  test('that is larger by more than rounding is larger', () => {
    expect(compareSizes(bytes(20 * GiB), bytes(10 * GiB), 'lvmthin')).toBe('larger');
    expect(compareSizes(bytes(10_004 * MiB), bytes(10_000 * MiB), 'lvmthin')).toBe('larger');
    expect(compareSizes(bytes(10_004 * MiB), bytes(10_001 * MiB), 'dir')).toBe('larger');
  });

  test('that comes from the larger extents of a volume group is not', () => {
    expect(compareSizes(bytes(10_016 * MiB), bytes(10_001 * MiB), 'lvm')).toBe('equal');
    expect(compareSizes(bytes(10_112 * MiB), bytes(10_001 * MiB), 'lvm')).toBe('equal');
    expect(compareSizes(bytes(10_020 * MiB), bytes(10_001 * MiB), 'lvm')).toBe('larger');
  });

  test('within the same extent is none to grow to: PVE would refuse to shrink the volume', () => {
    expect(compareSizes(bytes(10_001 * MiB), bytes(10_003 * MiB), 'lvmthin')).toBe('equal');
    expect(compareSizes(bytes(10_001 * MiB), bytes(10_005 * MiB), 'lvmthin')).toBe('smaller');
  });
});
