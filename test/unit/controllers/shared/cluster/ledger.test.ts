import { describe, expect, test } from '@jest/globals';
import { createLedger } from '../../../../../controllers/shared/cluster/ledger.ts';
import { GiB, nodeName, vmid } from '../../../../../src/lib/units.ts';
import { aRow, aView } from '../../../../builders/views.ts';

const RESERVED = {
  vmid: vmid(101),
  node: nodeName('pve-1'),
  memory: 2 * GiB,
  space: new Map([['nfs', 40 * GiB]]),
};
const EMPTY = aView();
const MADE = aView({ guests: [aRow({ status: 'stopped', lock: 'clone' })] });
const OFF = aView({ guests: [aRow({ status: 'stopped' })] });
const RUNNING = aView({ guests: [aRow()] });

function scene() {
  let now = 0;
  const ledger = createLedger(() => now);
  const seen = (view = EMPTY) => {
    const { memory, space } = ledger.besides('other', view);
    return [(memory.get('pve-1') ?? 0) / GiB, (space.get('nfs') ?? 0) / GiB];
  };
  return { ledger, seen, wait: (ms: number) => void (now += ms) };
}

describe('what was promised to a VM', () => {
  test('is taken for all others and free for itself', () => {
    const { ledger, seen } = scene();
    ledger.promise('web', RESERVED);
    ledger.promise('db', { ...RESERVED, vmid: undefined });
    expect(seen()).toEqual([4, 80]);
    expect(ledger.besides('web', EMPTY).memory.get('pve-1')).toBe(2 * GiB);
  });

  test('is counted once, however often it is decided', () => {
    const { ledger, seen } = scene();
    ledger.promise('web', { ...RESERVED, vmid: undefined });
    ledger.promise('web', RESERVED);
    expect(seen()).toEqual([2, 40]);
  });

  test('stays while the guest is cloned, however long that takes', () => {
    const { ledger, seen, wait } = scene();
    ledger.promise('web', RESERVED);
    wait(3_600_000);
    expect(seen(MADE)).toEqual([2, 40]);
  });

  test('of memory stays until the guest runs, as one that is off shows none', () => {
    const { ledger, seen, wait } = scene();
    ledger.promise('web', RESERVED);
    seen(OFF);
    wait(60_000);
    expect(seen(OFF)).toEqual([2, 0]);
    expect(seen(RUNNING)).toEqual([0, 0]);
  });

  test('of memory ends with a VM that is off and should be', () => {
    const { ledger, seen, wait } = scene();
    ledger.promise('web', RESERVED);
    ledger.settle('web');
    expect(seen(OFF)).toEqual([0, 40]);
    wait(60_000);
    expect(seen(OFF)).toEqual([0, 0]);
  });

  test('of space stays until the figures of the storage are new', () => {
    const { ledger, seen, wait } = scene();
    ledger.promise('web', RESERVED);
    expect(seen(RUNNING)).toEqual([0, 40]);
    wait(19_000);
    expect(seen(RUNNING)).toEqual([0, 40]);
    wait(1_000);
    expect(seen(RUNNING)).toEqual([0, 0]);
  });

  test('ends with the claim, and with a VM that no longer asks for it', () => {
    const { ledger, seen, wait } = scene();
    ledger.promise('web', RESERVED);
    ledger.release('web');
    expect(seen()).toEqual([0, 0]);
    ledger.promise('web', RESERVED);
    wait(600_000);
    expect(seen()).toEqual([0, 0]);
  });
});
