import { describe, expect, test } from '@jest/globals';
import {
  DRIFT_INTERVAL,
  driftScan,
} from '../../../../../controllers/virtualmachine/observation/drift-scan.ts';
import { createGuestMemories, type GuestMemory } from '../../../../../controllers/virtualmachine/memory.ts';
import { NOW } from '../../../../builders/guests.ts';

type Rest = NonNullable<GuestMemory['rest']>;

function resting(ages: Readonly<Record<string, number>>) {
  const memories = createGuestMemories();
  for (const [uid, age] of Object.entries(ages)) memories.of(uid).rest = { key: 'k', at: NOW - age } as Rest;
  const looked: string[] = [];
  return {
    memories,
    looked,
    scan: () => driftScan({ memories, enqueue: (uid) => looked.push(uid), now: () => NOW }),
  };
}

describe('the drift scan', () => {
  test('looks at one guest a tick, the one read longest ago first', () => {
    const { scan, looked } = resting({ a: DRIFT_INTERVAL, b: DRIFT_INTERVAL * 3, c: DRIFT_INTERVAL * 2 });
    scan();
    expect(looked).toEqual(['b']);
    for (let tick = 0; tick < 5; tick += 1) scan();
    expect(looked).toEqual(['b', 'c', 'a']);
  });

  test('looks at no guest that was read within five minutes', () => {
    const { scan, looked } = resting({ a: DRIFT_INTERVAL - 1 });
    scan();
    expect(looked).toEqual([]);
  });

  test('makes the next pass read everything again', () => {
    const { scan, memories } = resting({ a: DRIFT_INTERVAL });
    scan();
    expect(memories.of('a').rest).toBeUndefined();
  });
});

describe('what is remembered of a guest', () => {
  test('is one memory an object until it is forgotten', () => {
    const memories = createGuestMemories();
    const first = memories.of('a');
    expect(memories.of('a')).toBe(first);
    memories.forget('a');
    expect(memories.of('a')).not.toBe(first);
  });

  test('is at first as after a restart: nothing is certain', () => {
    expect(createGuestMemories().of('a')).toEqual({ calm: false });
  });

  test('is not made by disturbing an object that nobody knows', () => {
    const memories = createGuestMemories();
    memories.disturb('a');
    expect(memories.stalest()).toBeUndefined();
  });
});
