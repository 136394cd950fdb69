import { describe, expect, test } from '@jest/globals';
import { isVague, withLogReason } from '../../../../../controllers/shared/tasks/log-reason.ts';

const AT = '2026-11-30 08:00:00';
const CLONED = [
  `${AT} starting migration of VM 200 to node 'pve-2' (192.0.2.11)`,
  `${AT} found local disk 'ssd:200/base-200-disk-0.qcow2' (attached)`,
  `${AT} can't migrate local disk 'ssd:200/base-200-disk-0.qcow2': referenced by linked clone(s)`,
  `${AT} ERROR: Problem found while scanning volumes - can't migrate VM - check log`,
  `${AT} aborting phase 1 - cleanup resources`,
  `${AT} ERROR: migration aborted (duration 00:00:00): Problem found while scanning volumes - can't migrate VM - check log`,
  'TASK ERROR: migration aborted',
];

describe('an exit status that does not say why', () => {
  test.each([
    'migration aborted',
    'migration problems',
    'job errors',
    'unexpected status',
    "command '/usr/bin/qemu-img convert -p -n a b' failed: exit code 1",
    "command 'ha-manager migrate vm:600 pve-2' failed: exit code 2",
  ])('%s', (exit) => expect(isVague(exit)).toBe(true));

  test.each(["can't lock file '/x' - got timeout", 'clone failed: no space left', 'VM 101 already running'])(
    'is not: %s',
    (exit) => expect(isVague(exit)).toBe(false),
  );

  test('is completed by what the log of the task says', () => {
    expect(withLogReason('migration aborted', CLONED)).toBe(
      "migration aborted: can't migrate local disk 'ssd:200/base-200-disk-0.qcow2': referenced by linked clone(s); Problem found while scanning volumes - can't migrate VM - check log",
    );
  });

  test('is completed by the output of the command that failed', () => {
    const lines = [
      'copying volume',
      'qemu-img: error while writing: No space left on device',
      'TASK ERROR: x',
    ];
    expect(withLogReason("command 'qemu-img' failed: exit code 1", lines)).toBe(
      "command 'qemu-img' failed: exit code 1: qemu-img: error while writing: No space left on device",
    );
  });

  test('stays as it is where the log says no more', () => {
    expect(withLogReason('migration aborted', [])).toBe('migration aborted');
    expect(withLogReason('unexpected status', ['TASK ERROR: unexpected status'])).toBe('unexpected status');
  });

  test('does not grow without bound', () => {
    const lines = Array.from({ length: 200 }, (_, i) => `ERROR: ${i} ${'x'.repeat(200)}`);
    expect(withLogReason('job errors', lines).length).toBeLessThan(700);
  });
});
