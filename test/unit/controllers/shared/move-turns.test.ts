import { expect, test } from '@jest/globals';
import { createMoveTurns, MOST_MOVES } from '../../../../controllers/shared/move-turns.ts';
import { minutes, nodeName } from '../../../../src/lib/units.ts';
import { NOW } from '../../../builders/guests.ts';

const route = (from: string, to: string) => ({ from: nodeName(from), to: nodeName(to) });

test('of the VMs that leave or reach a node, some are moved at a time and all others told when one is done', () => {
  const woken: string[] = [];
  const turns = createMoveTurns(
    () => NOW,
    (uid) => void woken.push(uid),
  );
  expect(['a', 'b', 'c'].map((uid) => turns.take(uid, route('pve-1', 'pve-2')))).toEqual([true, true, false]);
  expect(MOST_MOVES).toBe(2);
  expect(turns.take('d', route('pve-3', 'pve-4'))).toBe(true);
  expect(turns.isFree('c', route('pve-1', 'pve-2'))).toBe(false);
  expect(turns.isFree('e', route('pve-2', 'pve-3'))).toBe(false);
  turns.end('nobody');
  expect(woken).toEqual([]);
  turns.end('a');
  expect(woken).toEqual(['c', 'e']);
  expect(turns.take('c', route('pve-1', 'pve-2'))).toBe(true);
});

test('a turn that is taken stays taken for whoever has it', () => {
  const turns = createMoveTurns(
    () => NOW,
    () => undefined,
  );
  turns.take('a', route('pve-1', 'pve-2'));
  turns.take('b', route('pve-1', 'pve-2'));
  expect(turns.isFree('a', route('pve-1', 'pve-2'))).toBe(true);
  expect(turns.take('b', route('pve-1', 'pve-2'))).toBe(true);
});

test('a move that an earlier process began counts', () => {
  const turns = createMoveTurns(
    () => NOW,
    () => undefined,
  );
  turns.hold('a', route('pve-1', 'pve-2'));
  turns.hold('b', route('pve-1', 'pve-2'));
  expect(turns.isFree('c', route('pve-1', 'pve-3'))).toBe(false);
});

test('a move that nobody looked after for ten minutes counts no more', () => {
  let now = NOW;
  const turns = createMoveTurns(
    () => now,
    () => undefined,
  );
  turns.hold('paused', route('pve-1', 'pve-2'));
  turns.hold('goes on', route('pve-1', 'pve-2'));
  now += minutes(10);
  turns.hold('goes on', route('pve-1', 'pve-2'));
  now += 1;
  expect(turns.take('next', route('pve-1', 'pve-2'))).toBe(true);
  expect(turns.isFree('another', route('pve-1', 'pve-2'))).toBe(false);
});
