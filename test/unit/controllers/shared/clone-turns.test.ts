import { describe, expect, test } from '@jest/globals';
import {
  createCloneTurns,
  MOST_FULL,
  MOST_LINKED,
  type CloneRequest,
} from '../../../../controllers/shared/clone-turns.ts';
import { nodeName, upid, vmid } from '../../../../src/lib/units.ts';
import { NOW } from '../../../builders/guests.ts';
import { aView } from '../../../builders/views.ts';

const FULL: CloneRequest = { source: vmid(9000), running: false, full: true, storage: 'nfs' };
const LINKED: CloneRequest = { ...FULL, full: false };
const upidOf = (n: number, source = 9000) =>
  upid(`UPID:pve-1:0000000${n}:00000001:69A42F40:qmclone:${source}:operator@pve:`);
const task = (n: number, source = 9000) => ({
  upid: upidOf(n, source),
  node: nodeName('pve-1'),
  type: 'qmclone',
  id: String(source),
  user: 'operator@pve',
  startedAt: NOW,
});
const EMPTY = aView();

function scene() {
  let now = NOW;
  const woken: string[] = [];
  const turns = createCloneTurns(
    () => now,
    (uid) => void woken.push(uid),
  );
  const taken = (request: CloneRequest, view = EMPTY, uids = 40) =>
    Array.from({ length: uids }, (_, n) => turns.take(`vm-${n}`, request, view)).filter(Boolean).length;
  return { turns, taken, woken, wait: (ms: number) => void (now += ms) };
}

describe('clones that run at a time', () => {
  test('are two full ones and sixteen linked ones for a storage', () => {
    expect(scene().taken(FULL)).toBe(MOST_FULL);
    expect(scene().taken(LINKED)).toBe(MOST_LINKED);
  });

  test('of one storage hold up none of another, and full ones no linked ones', () => {
    const { turns, taken } = scene();
    taken(FULL);
    expect(turns.take('elsewhere', { ...FULL, storage: 'pve-2/local-lvm' }, EMPTY)).toBe(true);
    expect(turns.take('linked', LINKED, EMPTY)).toBe(true);
  });

  test('of a VM that runs are one, wherever it is cloned to', () => {
    const { turns } = scene();
    const running = { ...FULL, running: true };
    expect(turns.take('a', running, EMPTY)).toBe(true);
    expect(turns.take('b', { ...running, storage: 'other' }, EMPTY)).toBe(false);
    expect(turns.take('c', { ...running, source: vmid(9001) }, EMPTY)).toBe(true);
  });

  test('count those that others began, or we before a restart', () => {
    const { turns } = scene();
    const view = aView({ activeTasks: [task(1), task(2), task(3, 9001)] });
    expect(turns.take('a', FULL, view)).toBe(false);
    expect(turns.take('b', { ...FULL, source: vmid(9001) }, view)).toBe(true);
    expect(turns.take('c', { ...FULL, running: true }, aView({ activeTasks: [task(1)] }))).toBe(false);
  });

  test('count one of ours once, before and after its task is known', () => {
    const { turns } = scene();
    expect(turns.take('a', FULL, EMPTY)).toBe(true);
    const view = aView({ activeTasks: [task(1)] });
    expect(turns.isFree('b', FULL, view)).toBe(true);
    turns.begun('a', upidOf(1));
    expect(turns.take('b', FULL, view)).toBe(true);
    expect(turns.take('c', FULL, view)).toBe(false);
  });
});

describe('a turn', () => {
  test('is kept by whoever has it', () => {
    const { turns, taken } = scene();
    taken(FULL);
    expect(turns.take('vm-0', FULL, EMPTY)).toBe(true);
  });

  test('is free as soon as the clone ended, although the last list still shows its task', () => {
    const { turns, taken, woken } = scene();
    taken(FULL, EMPTY, MOST_FULL);
    turns.begun('vm-0', upidOf(1));
    expect(turns.isFree('waits', FULL, EMPTY)).toBe(false);
    turns.end('vm-0');
    expect(woken).toEqual(['waits']);
    expect(turns.take('waits', FULL, aView({ activeTasks: [task(1)] }))).toBe(true);
  });

  test('wakes who waited longest for it, and nobody who waits for another', () => {
    const { turns, taken, woken } = scene();
    const elsewhere = { ...FULL, source: vmid(9001), storage: 'pve-2/local-lvm' };
    for (const uid of ['x', 'y']) turns.take(uid, elsewhere, EMPTY);
    taken(FULL, EMPTY, MOST_FULL);
    turns.isFree('elsewhere', elsewhere, EMPTY);
    for (let n = 0; n < MOST_LINKED; n += 1) turns.take(`linked-${n}`, LINKED, EMPTY);
    turns.isFree('linked', LINKED, EMPTY);
    turns.isFree('first', FULL, EMPTY);
    turns.isFree('second', FULL, EMPTY);
    turns.end('vm-1');
    expect(woken).toEqual(['first']);
    turns.end('linked-1');
    expect(woken).toEqual(['first', 'linked']);
  });

  test('that somebody else took between the question and the answer is waited for', () => {
    const { turns, taken, woken } = scene();
    expect(turns.isFree('late', FULL, EMPTY)).toBe(true);
    taken(FULL, EMPTY, MOST_FULL);
    expect(turns.take('late', FULL, EMPTY)).toBe(false);
    turns.end('vm-0');
    expect(woken).toEqual(['late']);
  });

  test('that is one of several free ones wakes the next when it is taken', () => {
    const { turns, woken } = scene();
    const othersClone = aView({ activeTasks: [task(1), task(2)] });
    for (const uid of ['first', 'second', 'third']) turns.isFree(uid, FULL, othersClone);
    expect(turns.take('first', FULL, EMPTY)).toBe(true);
    expect(woken).toEqual(['second']);
    expect(turns.take('second', FULL, EMPTY)).toBe(true);
    expect(woken).toEqual(['second']);
    turns.end('first');
    expect(woken).toEqual(['second', 'third']);
  });

  test('is kept for two seconds for who was woken for it', () => {
    const { turns, taken, woken, wait } = scene();
    taken(FULL, EMPTY, MOST_FULL);
    turns.isFree('waits', FULL, EMPTY);
    turns.end('vm-0');
    expect(woken).toEqual(['waits']);
    expect(turns.take('comes by', FULL, EMPTY)).toBe(false);
    expect(turns.isFree('waits', FULL, EMPTY)).toBe(true);
    wait(2_001);
    expect(turns.take('comes by', FULL, EMPTY)).toBe(true);
    expect(turns.take('waits', FULL, EMPTY)).toBe(false);
  });

  test('is not kept for who does not want it any more', () => {
    const { turns, taken } = scene();
    taken(FULL, EMPTY, MOST_FULL);
    turns.isFree('waits', FULL, EMPTY);
    turns.end('vm-0');
    turns.end('waits');
    expect(turns.take('comes by', FULL, EMPTY)).toBe(true);
  });

  test('ends with its task although nobody says so', () => {
    const { turns, taken, wait } = scene();
    taken(FULL, EMPTY, MOST_FULL);
    turns.begun('vm-0', upidOf(1));
    turns.begun('vm-1', upidOf(2));
    wait(30_000);
    const later = { ...aView({ activeTasks: [task(2)] }), takenAt: NOW + 30_000 };
    expect(turns.take('a', FULL, later)).toBe(true);
    expect(turns.take('b', FULL, later)).toBe(false);
  });

  test('whose request got no answer is not given away for ten minutes', () => {
    const { turns, taken, wait } = scene();
    taken(FULL, EMPTY, MOST_FULL);
    wait(600_000);
    expect(turns.isFree('a', FULL, EMPTY)).toBe(false);
    wait(1);
    expect(turns.isFree('a', FULL, EMPTY)).toBe(true);
  });
});
