import { describe, expect, test } from '@jest/globals';
import { endingOf } from '../../../../../controllers/vmsnapshot/revert/ending.ts';
import { revertObstacle, rollbackSince } from '../../../../../controllers/vmsnapshot/revert/facts.ts';
import { upid, vmid } from '../../../../../src/lib/units.ts';
import { aGuest, NOW, UPID } from '../../../../builders/guests.ts';
import { aRow, aStorage, aView } from '../../../../builders/views.ts';

const snapshot = (name: string, takenAt: number) => ({
  name,
  takenAt,
  description: '',
  parent: undefined,
  memory: false,
  state: undefined,
});
const own = snapshot('mine', NOW);

describe('a snapshot that is not the newest', () => {
  const obstacle = (type: string, others: readonly ReturnType<typeof snapshot>[]) =>
    revertObstacle(own, aGuest({ config: { scsi0: 'tank:vm-101-disk-0,size=1G' } }), {
      snapshots: [own, ...others],
      storages: [aStorage('tank', { type })],
    });

  test.each(['zfspool', 'zfs', 'lvm'])(
    'on a storage that reverts to the newest only names those in the way (%s)',
    (type) => {
      const message = obstacle(type, [
        snapshot('b', NOW + 2),
        snapshot('a', NOW + 1),
        snapshot('old', NOW - 1),
      ]);
      expect(message).toContain('is not the most recent snapshot');
      expect(message).toContain('Newer are: a, b.');
    },
  );

  test('is no obstacle elsewhere, and the newest is none anywhere', () => {
    expect(obstacle('lvmthin', [snapshot('a', NOW + 1)])).toBeUndefined();
    expect(obstacle('zfspool', [snapshot('old', NOW - 1)])).toBeUndefined();
  });
});

describe('the task of a request without an answer', () => {
  const at = (seconds: number, type = 'qmrollback', id = '101') =>
    upid(
      `UPID:pve-1:000A1B2C:01234567:${Math.floor(NOW / 1000 + seconds)
        .toString(16)
        .toUpperCase()}:${type}:${id}:operator@pve!k8s:`,
    );
  const found = (...ended: readonly ReturnType<typeof at>[]) =>
    rollbackSince(
      aView({ guests: ended.map((snapshotTask) => aRow({ vmid: vmid(101), snapshotTask })) }),
      vmid(101),
      NOW,
    );

  test('is a rollback of the guest since then', () => {
    expect(found(at(1))).toBe(at(1));
    expect(found(at(-60))).toBeUndefined();
    expect(found(at(1, 'qmsnapshot'))).toBeUndefined();
    expect(found()).toBeUndefined();
  });
});

test.each([
  ["can't rollback, 'a' is not most recent snapshot on 'tank:vm-101-disk-0'", 'Failed'],
  ['VM is locked (backup)', 'Failed'],
  ['unable to rollback to incomplete snapshot (snapstate = delete)', 'Failed'],
  ["snapshot 'before' does not exist", 'Failed'],
  ['start failed: QEMU exited with code 1', 'Unknown'],
  // In the middle of it: another disk may have been reverted.
  ["zfs error: cannot open 'rpool/data/vm-101-disk-1': dataset does not exist", 'Unknown'],
  ["can't rollback snapshot for 'raw' volume", 'Unknown'],
])('a task that ends with "%s" leaves the VM as: %s', (exit, result) => {
  expect(endingOf({ upid: UPID, type: 'Revert', state: 'failed', exit })?.result).toBe(result);
});
