import { beforeEach, describe, expect, test } from '@jest/globals';
import { createRestartSlots, type RestartSlots } from '../../../../../controllers/shared/limits/restarts.ts';

const vm = (name: string) => ({ uid: `uid-${name}`, name });
const [A, B, C] = [vm('a'), vm('b'), vm('c')];

describe('VMs of a class', () => {
  let woken: string[];
  let restartSlots: RestartSlots;
  beforeEach(() => {
    woken = [];
    restartSlots = createRestartSlots({ wake: (uid) => void woken.push(uid) });
  });
  const claim = (who: typeof A, key = 'class', blockedBy?: string) =>
    restartSlots.claim(key, who, blockedBy)?.behind;

  test('have their slot one after the other, in the order in which they asked', () => {
    expect(claim(A)).toBeUndefined();
    expect(claim(B)).toBe('a');
    expect(claim(C)).toBe('a');
    expect(claim(A)).toBeUndefined();
    restartSlots.release('class', A.uid);
    expect(woken).toEqual([B.uid]);
    expect(claim(B)).toBeUndefined();
    expect(claim(C)).toBe('b');
  });

  test('of different classes do not wait for each other', () => {
    expect(claim(A)).toBeUndefined();
    expect(claim(B, 'other')).toBeUndefined();
  });

  test('wait for one that is down, and are checked again when it is up', () => {
    expect(restartSlots.claim('class', A, 'c')).toEqual({ behind: 'c', looksAgain: true });
    expect(restartSlots.claim('class', B, 'c')).toEqual({ behind: 'c', looksAgain: false });
    restartSlots.release('class', C.uid);
    expect(woken).toEqual([A.uid]);
    expect(claim(A)).toBeUndefined();
  });

  test('lose their slot when the object is deleted or gets another class', () => {
    claim(A);
    claim(B);
    restartSlots.forget(A.uid);
    expect(woken).toEqual([B.uid]);
    claim(B);
    claim(C);
    expect(claim(B, 'other')).toBeUndefined();
    expect(woken).toEqual([B.uid, C.uid]);
  });

  test('do not wake one that no longer waits', () => {
    claim(A);
    claim(B);
    restartSlots.release('class', B.uid);
    restartSlots.release('class', A.uid);
    expect(woken).toEqual([]);
  });
});
