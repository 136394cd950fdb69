import { describe, expect, test } from '@jest/globals';
import { DRIFT_INTERVAL, driftScan } from '../../../../../controllers/virtualmachine/observe/drift-scan.ts';
import {
  createProcessStates,
  remember,
  type ProcessState,
} from '../../../../../controllers/virtualmachine/model/process-state.ts';
import { NOW } from '../../../../builders/guests.ts';

type Rest = NonNullable<ProcessState['rest']>;

const [ONE, OTHER] = [{ cluster: 1 }, { cluster: 2 }];
const readAgo = (age: number) => ({ key: 'k', at: NOW - age }) as Rest;

function resting(ages: Readonly<Record<string, number>>, elsewhere: Readonly<Record<string, number>> = {}) {
  const processStates = createProcessStates();
  const settle = (uid: string, age: number, cluster: object) => {
    processStates.of(uid);
    processStates.settle(uid, readAgo(age), cluster);
  };
  for (const [uid, age] of Object.entries(ages)) settle(uid, age, ONE);
  for (const [uid, age] of Object.entries(elsewhere)) settle(uid, age, OTHER);
  const scanned: string[] = [];
  return {
    processStates,
    scanned,
    scan: () => driftScan({ processStates, enqueue: (uid) => scanned.push(uid), now: () => NOW }),
  };
}

describe('the drift scan', () => {
  test('reads one guest a tick, the one read longest ago first', () => {
    const { scan, scanned } = resting({ a: DRIFT_INTERVAL, b: DRIFT_INTERVAL * 3, c: DRIFT_INTERVAL * 2 });
    scan();
    expect(scanned).toEqual(['b']);
    for (let tick = 0; tick < 5; tick += 1) scan();
    expect(scanned).toEqual(['b', 'c', 'a']);
  });

  test('reads no guest that was read within five minutes', () => {
    const { scan, scanned } = resting({ a: DRIFT_INTERVAL - 1 });
    scan();
    expect(scanned).toEqual([]);
  });

  test('reads one guest a tick of each PVE cluster', () => {
    const { scan, scanned } = resting(
      { a: DRIFT_INTERVAL, b: DRIFT_INTERVAL * 2 },
      { c: DRIFT_INTERVAL * 3, d: DRIFT_INTERVAL * 4, e: DRIFT_INTERVAL * 5 },
    );
    scan();
    expect(scanned).toEqual(['b', 'e']);
    scan();
    expect(scanned).toEqual(['b', 'e', 'a', 'd']);
  });

  test('uses the last read of a guest, whether that made it due later or earlier', () => {
    const { scan, scanned, processStates } = resting({ a: DRIFT_INTERVAL * 2, b: DRIFT_INTERVAL, c: 0 });
    processStates.settle('a', readAgo(0), ONE);
    processStates.settle('c', readAgo(DRIFT_INTERVAL * 3), ONE);
    for (let tick = 0; tick < 5; tick += 1) scan();
    expect(scanned).toEqual(['c', 'b']);
  });

  test('reads no guest that was forgotten, or is no longer settled', () => {
    const { scan, scanned, processStates } = resting({ a: DRIFT_INTERVAL, b: DRIFT_INTERVAL });
    processStates.forget('a');
    remember(processStates.of('b'), { rest: undefined });
    scan();
    expect(scanned).toEqual([]);
  });

  test('does not bring back a guest that was forgotten during its last pass', () => {
    const { scan, scanned, processStates } = resting({ a: DRIFT_INTERVAL });
    processStates.forget('a');
    processStates.settle('a', readAgo(DRIFT_INTERVAL), ONE);
    scan();
    expect(scanned).toEqual([]);
  });

  test('visits as few states as necessary, however many guests there are', () => {
    const count = 10_000;
    const { scan, scanned, processStates } = resting(
      Object.fromEntries(Array.from({ length: count }, (_, n) => [`vm-${n}`, DRIFT_INTERVAL + n])),
    );
    let reads = 0;
    for (let n = 0; n < count; n += 1) {
      const state = processStates.of(`vm-${n}`);
      const { rest } = state;
      let kept = rest;
      Object.defineProperty(state, 'rest', {
        configurable: true,
        get: () => ((reads += 1), kept),
        set: (next: typeof rest) => void (kept = next),
      });
    }
    for (let tick = 0; tick < 100; tick += 1) scan();
    expect(scanned).toHaveLength(100);
    expect(reads).toBeLessThan(400);
  });

  test('makes the next pass read everything again', () => {
    const { scan, processStates } = resting({ a: DRIFT_INTERVAL });
    scan();
    expect(processStates.of('a').rest).toBeUndefined();
  });
});

describe('what is remembered of a guest', () => {
  test('is one memory an object until it is forgotten', () => {
    const processStates = createProcessStates();
    const first = processStates.of('a');
    expect(processStates.of('a')).toBe(first);
    processStates.forget('a');
    expect(processStates.of('a')).not.toBe(first);
  });

  test('is at first as after a restart: nothing is certain', () => {
    expect(createProcessStates().of('a')).toEqual({
      cloneRequest: {},
      inFlight: { quiescent: false },
      surveyed: false,
      refusedWrites: {},
      agent: {},
      restart: {},
    });
  });

  test('is not created by invalidating an unknown object', () => {
    const processStates = createProcessStates();
    processStates.invalidate('a');
    expect(processStates.oldest()).toEqual([]);
  });
});
