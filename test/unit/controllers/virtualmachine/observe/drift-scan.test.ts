import { describe, expect, test } from '@jest/globals';
import { DRIFT_INTERVAL, driftScan } from '../../../../../controllers/virtualmachine/observe/drift-scan.ts';
import {
  createProcessStates,
  remember,
  type ProcessState,
} from '../../../../../controllers/virtualmachine/model/process-state.ts';
import { NOW } from '../../../../builders/guests.ts';

type Rest = NonNullable<ProcessState['rest']>;

function resting(ages: Readonly<Record<string, number>>) {
  const processStates = createProcessStates();
  for (const [uid, age] of Object.entries(ages))
    remember(processStates.of(uid), { rest: { key: 'k', at: NOW - age } as Rest });
  const looked: string[] = [];
  return {
    processStates,
    looked,
    scan: () => driftScan({ processStates, enqueue: (uid) => looked.push(uid), now: () => NOW }),
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

  test('is not made by disturbing an object that nobody knows', () => {
    const processStates = createProcessStates();
    processStates.invalidate('a');
    expect(processStates.oldest()).toBeUndefined();
  });
});
