import { describe, expect, test } from '@jest/globals';
import {
  createCloneSlots,
  MAX_FULL_CLONES,
  MAX_LINKED_CLONES,
  type CloneRequest,
} from '../../../../../controllers/shared/limits/clones.ts';
import { nodeName, upid, vmid } from '../../../../../src/lib/units.ts';
import { NOW } from '../../../../builders/guests.ts';
import { aView } from '../../../../builders/views.ts';

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
  const cloneSlots = createCloneSlots(
    () => now,
    (uid) => void woken.push(uid),
  );
  const taken = (request: CloneRequest, view = EMPTY, uids = 40) =>
    Array.from({ length: uids }, (_, n) => cloneSlots.take(`vm-${n}`, request, view)).filter(Boolean).length;
  return { cloneSlots, taken, woken, wait: (ms: number) => void (now += ms) };
}

describe('clones that run at a time', () => {
  test('are two full ones and sixteen linked ones for a storage', () => {
    expect(scene().taken(FULL)).toBe(MAX_FULL_CLONES);
    expect(scene().taken(LINKED)).toBe(MAX_LINKED_CLONES);
  });

  test('of one storage hold up none of another, and full ones no linked ones', () => {
    const { cloneSlots, taken } = scene();
    taken(FULL);
    expect(cloneSlots.take('elsewhere', { ...FULL, storage: 'pve-2/local-lvm' }, EMPTY)).toBe(true);
    expect(cloneSlots.take('linked', LINKED, EMPTY)).toBe(true);
  });

  test('of a VM that runs are one, wherever it is cloned to', () => {
    const { cloneSlots } = scene();
    const running = { ...FULL, running: true };
    expect(cloneSlots.take('a', running, EMPTY)).toBe(true);
    expect(cloneSlots.take('b', { ...running, storage: 'other' }, EMPTY)).toBe(false);
    expect(cloneSlots.take('c', { ...running, source: vmid(9001) }, EMPTY)).toBe(true);
  });

  test('count those that others began, or we before a restart', () => {
    const { cloneSlots } = scene();
    const view = aView({ activeTasks: [task(1), task(2), task(3, 9001)] });
    expect(cloneSlots.take('a', FULL, view)).toBe(false);
    expect(cloneSlots.take('b', { ...FULL, source: vmid(9001) }, view)).toBe(true);
    expect(cloneSlots.take('c', { ...FULL, running: true }, aView({ activeTasks: [task(1)] }))).toBe(false);
  });

  test('count one of ours once, before and after its task is known', () => {
    const { cloneSlots } = scene();
    expect(cloneSlots.take('a', FULL, EMPTY)).toBe(true);
    const view = aView({ activeTasks: [task(1)] });
    expect(cloneSlots.isFree('b', FULL, view)).toBe(true);
    cloneSlots.started('a', upidOf(1));
    expect(cloneSlots.take('b', FULL, view)).toBe(true);
    expect(cloneSlots.take('c', FULL, view)).toBe(false);
  });
});

describe('a slot', () => {
  test('is kept by its holder', () => {
    const { cloneSlots, taken } = scene();
    taken(FULL);
    expect(cloneSlots.take('vm-0', FULL, EMPTY)).toBe(true);
  });

  test('is free as soon as the clone ended, although the last list still shows its task', () => {
    const { cloneSlots, taken, woken } = scene();
    taken(FULL, EMPTY, MAX_FULL_CLONES);
    cloneSlots.started('vm-0', upidOf(1));
    expect(cloneSlots.isFree('waits', FULL, EMPTY)).toBe(false);
    cloneSlots.end('vm-0');
    expect(woken).toEqual(['waits']);
    expect(cloneSlots.take('waits', FULL, aView({ activeTasks: [task(1)] }))).toBe(true);
  });

  test('wakes the longest waiter for it, and none that waits for another', () => {
    const { cloneSlots, taken, woken } = scene();
    const elsewhere = { ...FULL, source: vmid(9001), storage: 'pve-2/local-lvm' };
    for (const uid of ['x', 'y']) cloneSlots.take(uid, elsewhere, EMPTY);
    taken(FULL, EMPTY, MAX_FULL_CLONES);
    cloneSlots.isFree('elsewhere', elsewhere, EMPTY);
    for (let n = 0; n < MAX_LINKED_CLONES; n += 1) cloneSlots.take(`linked-${n}`, LINKED, EMPTY);
    cloneSlots.isFree('linked', LINKED, EMPTY);
    cloneSlots.isFree('first', FULL, EMPTY);
    cloneSlots.isFree('second', FULL, EMPTY);
    cloneSlots.end('vm-1');
    expect(woken).toEqual(['first']);
    cloneSlots.end('linked-1');
    expect(woken).toEqual(['first', 'linked']);
  });

  test('that another VM took between the question and the answer is waited for', () => {
    const { cloneSlots, taken, woken } = scene();
    expect(cloneSlots.isFree('late', FULL, EMPTY)).toBe(true);
    taken(FULL, EMPTY, MAX_FULL_CLONES);
    expect(cloneSlots.take('late', FULL, EMPTY)).toBe(false);
    cloneSlots.end('vm-0');
    expect(woken).toEqual(['late']);
  });

  test('that is one of several free ones wakes the next when it is taken', () => {
    const { cloneSlots, woken } = scene();
    const othersClone = aView({ activeTasks: [task(1), task(2)] });
    for (const uid of ['first', 'second', 'third']) cloneSlots.isFree(uid, FULL, othersClone);
    expect(cloneSlots.take('first', FULL, EMPTY)).toBe(true);
    expect(woken).toEqual(['second']);
    expect(cloneSlots.take('second', FULL, EMPTY)).toBe(true);
    expect(woken).toEqual(['second']);
    cloneSlots.end('first');
    expect(woken).toEqual(['second', 'third']);
  });

  test('is kept for two seconds for who was woken for it', () => {
    const { cloneSlots, taken, woken, wait } = scene();
    taken(FULL, EMPTY, MAX_FULL_CLONES);
    cloneSlots.isFree('waits', FULL, EMPTY);
    cloneSlots.end('vm-0');
    expect(woken).toEqual(['waits']);
    expect(cloneSlots.take('comes by', FULL, EMPTY)).toBe(false);
    expect(cloneSlots.isFree('waits', FULL, EMPTY)).toBe(true);
    wait(2_001);
    expect(cloneSlots.take('comes by', FULL, EMPTY)).toBe(true);
    expect(cloneSlots.take('waits', FULL, EMPTY)).toBe(false);
  });

  test('is not kept for who does not want it any more', () => {
    const { cloneSlots, taken } = scene();
    taken(FULL, EMPTY, MAX_FULL_CLONES);
    cloneSlots.isFree('waits', FULL, EMPTY);
    cloneSlots.end('vm-0');
    cloneSlots.end('waits');
    expect(cloneSlots.take('comes by', FULL, EMPTY)).toBe(true);
  });

  test('ends with its task although its holder does not release it', () => {
    const { cloneSlots, taken, wait } = scene();
    taken(FULL, EMPTY, MAX_FULL_CLONES);
    cloneSlots.started('vm-0', upidOf(1));
    cloneSlots.started('vm-1', upidOf(2));
    wait(30_000);
    const later = { ...aView({ activeTasks: [task(2)] }), takenAt: NOW + 30_000 };
    expect(cloneSlots.take('a', FULL, later)).toBe(true);
    expect(cloneSlots.take('b', FULL, later)).toBe(false);
  });

  test('whose request got no answer is not given away for ten minutes', () => {
    const { cloneSlots, taken, wait } = scene();
    taken(FULL, EMPTY, MAX_FULL_CLONES);
    wait(600_000);
    expect(cloneSlots.isFree('a', FULL, EMPTY)).toBe(false);
    wait(1);
    expect(cloneSlots.isFree('a', FULL, EMPTY)).toBe(true);
  });
});
