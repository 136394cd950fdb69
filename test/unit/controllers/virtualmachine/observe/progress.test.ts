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
])('the last line with figures counts: %s', (_what, line, progress) => {
  expect(progressIn(['starting', 'transferred 1.0 MiB of 2.0 MiB (50.00%)', line, 'switching over'])).toBe(
    progress,
  );
});

test('a log without figures has no progress', () => {
  expect(progressIn(['starting migration of VM 101 to node pve-2'])).toBeUndefined();
});
