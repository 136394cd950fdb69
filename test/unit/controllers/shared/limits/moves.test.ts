import { expect, test } from '@jest/globals';
import { createMoveSlots, MAX_MOVES } from '../../../../../controllers/shared/limits/moves.ts';
import { minutes, nodeName } from '../../../../../src/lib/units.ts';
import { NOW } from '../../../../builders/guests.ts';

const route = (from: string, to: string) => ({ from: nodeName(from), to: nodeName(to) });

test('of the VMs that leave or reach a node, some are moved at a time and the others are woken when one is done', () => {
  const woken: string[] = [];
  const moveSlots = createMoveSlots(
    () => NOW,
    (uid) => void woken.push(uid),
  );
  expect(['a', 'b', 'c'].map((uid) => moveSlots.take(uid, route('pve-1', 'pve-2')))).toEqual([
    true,
    true,
    false,
  ]);
  expect(MAX_MOVES).toBe(2);
  expect(moveSlots.take('d', route('pve-3', 'pve-4'))).toBe(true);
  expect(moveSlots.isFree('c', route('pve-1', 'pve-2'))).toBe(false);
  expect(moveSlots.isFree('e', route('pve-2', 'pve-3'))).toBe(false);
  moveSlots.end('unknown');
  expect(woken).toEqual([]);
  moveSlots.end('a');
  expect(woken).toEqual(['c', 'e']);
  expect(moveSlots.take('c', route('pve-1', 'pve-2'))).toBe(true);
});

test('a slot that is taken stays with its holder', () => {
  const moveSlots = createMoveSlots(
    () => NOW,
    () => undefined,
  );
  moveSlots.take('a', route('pve-1', 'pve-2'));
  moveSlots.take('b', route('pve-1', 'pve-2'));
  expect(moveSlots.isFree('a', route('pve-1', 'pve-2'))).toBe(true);
  expect(moveSlots.take('b', route('pve-1', 'pve-2'))).toBe(true);
});

test('a move that an earlier process began counts', () => {
  const moveSlots = createMoveSlots(
    () => NOW,
    () => undefined,
  );
  moveSlots.hold('a', route('pve-1', 'pve-2'));
  moveSlots.hold('b', route('pve-1', 'pve-2'));
  expect(moveSlots.isFree('c', route('pve-1', 'pve-3'))).toBe(false);
});

test('a move that was not held for ten minutes no longer counts', () => {
  let now = NOW;
  const moveSlots = createMoveSlots(
    () => now,
    () => undefined,
  );
  moveSlots.hold('paused', route('pve-1', 'pve-2'));
  moveSlots.hold('continues', route('pve-1', 'pve-2'));
  now += minutes(10);
  moveSlots.hold('continues', route('pve-1', 'pve-2'));
  now += 1;
  expect(moveSlots.take('next', route('pve-1', 'pve-2'))).toBe(true);
  expect(moveSlots.isFree('another', route('pve-1', 'pve-2'))).toBe(false);
});
