import { describe, expect, test } from '@jest/globals';
import { createPause } from '../../../src/pve/pause.ts';
import { PveError } from '../../../src/pve/index.ts';

const failing = (refusal: PveError['refusal']): PveError =>
  new PveError({ refusal, method: 'GET', route: '/cluster/resources', code: 'x', message: 'It failed.' });

/** How many seconds a pause lasts that begins now. */
function lengthOf(pause: ReturnType<typeof createPause>, clock: { now: number }): number {
  const from = clock.now;
  while (pause.error && clock.now - from < 3_600_000) clock.now += 1000;
  return (clock.now - from) / 1000;
}

describe('a server whose answers are too large', () => {
  test('is left alone for longer each time, for five minutes at most', () => {
    const clock = { now: 1_000_000 };
    const pause = createPause(() => clock.now);
    const lengths = Array.from({ length: 6 }, () => {
      pause.begin(failing('excessive'));
      return lengthOf(pause, clock);
    });
    expect(lengths).toEqual([30, 60, 120, 240, 300, 300]);
  });

  test('is asked as before once it has answered', () => {
    const clock = { now: 1_000_000 };
    const pause = createPause(() => clock.now);
    pause.begin(failing('excessive'));
    pause.begin(failing('excessive'));
    pause.end();
    expect(pause.error).toBeUndefined();
    pause.begin(failing('excessive'));
    expect(lengthOf(pause, clock)).toBe(30);
  });

  test('is asked again where the clock was set back', () => {
    const clock = { now: 1_000_000 };
    const pause = createPause(() => clock.now);
    pause.begin(failing('excessive'));
    expect(pause.error).toBeDefined();
    clock.now -= 1000;
    expect(pause.error).toBeUndefined();
  });
});

test.each(['unavailable', 'unauthenticated', 'unknown'] as const)(
  'a read that is %s pauses nothing',
  (refusal) => {
    const pause = createPause(() => 0);
    pause.begin(failing(refusal));
    expect(pause.error).toBeUndefined();
  },
);
