import { describe, expect, test } from '@jest/globals';
import { takenAs } from '../../../../controllers/vmsnapshot/observe/indications.ts';

/** Recorded: the log of a snapshot with memory. */
const WITH_MEMORY = [
  "saving VM state and RAM using storage 'fast'",
  'completed saving the VM state in 2s, saved 46.83 MiB',
  "snapshotting 'drive-scsi0' (fast:100/vm-100-disk-0.qcow2)",
  'internal qemu snapshot',
  'TASK OK',
];

describe('the log of the task says that the snapshot was taken', () => {
  test.each([
    [
      'of a VM that was off',
      ["snapshotting 'drive-scsi0' (fast:100/vm-100-disk-0.qcow2)", 'TASK OK'],
      false,
      [],
    ],
    // Recorded.
    [
      'without freezing',
      ['skipping guest filesystem freeze - disabled in VM options'],
      true,
      ['Online', 'NoGuestAgent'],
    ],
    [
      'without an agent that answers',
      ['skipping guest filesystem freeze - agent configured but not running?'],
      true,
      ['Online', 'NoGuestAgent'],
    ],
    ['with frozen file systems', ['issuing guest agent fs-freeze command'], true, ['Online', 'GuestAgent']],
    [
      'although freezing failed',
      [
        'issuing guest agent fs-freeze command',
        "guest-fsfreeze-freeze problems - VM 100 qmp command 'guest-fsfreeze-freeze' failed - got timeout",
        'TASK WARNINGS: 1',
      ],
      true,
      ['Online', 'QuiesceFailed'],
    ],
    ['by a version that says nothing', ['TASK OK'], true, ['Online']],
  ])('%s', (_what, log, running, indications) => {
    expect(takenAs(log, running).indications).toEqual(indications);
  });

  test('with memory, and how much of it was saved', () => {
    expect(takenAs(WITH_MEMORY, false)).toEqual({ indications: ['Online'], savedMiB: 46.83 });
  });

  test('thawing that failed afterwards says nothing about the snapshot', () => {
    const log = ['issuing guest agent fs-freeze command', 'guest-fsfreeze-thaw problems - got timeout'];
    expect(takenAs(log, true).indications).toEqual(['Online', 'GuestAgent']);
  });
});
