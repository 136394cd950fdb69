import { expect, test } from '@jest/globals';
import { progressIn } from '../../../../../controllers/virtualmachine/observe/progress.ts';

test.each([
  ['of a copy', 'transferred 327.7 MiB of 32.0 GiB (1.00%)', '327.7 MiB of 32.0 GiB'],
  [
    'of a disk of a guest that runs',
    'drive-scsi0: transferred 5.0 GiB of 32.0 GiB (15.63%) in 25s',
    'scsi0: 5.0 GiB of 32.0 GiB',
  ],
  [
    'of the memory of a guest that runs',
    'migration active, transferred 435.0 MiB of 4.0 GiB VM-state, 112.3 MiB/s',
    'memory: 435.0 MiB of 4.0 GiB',
  ],
])('the last line that tells how far it is counts: %s', (_what, line, told) => {
  expect(progressIn(['starting', 'transferred 1.0 MiB of 2.0 MiB (50.00%)', line, 'switching over'])).toBe(
    told,
  );
});

test('a log that does not tell says nothing', () => {
  expect(progressIn(['starting migration of VM 101 to node pve-2'])).toBeUndefined();
});
