import { expect, test } from '@jest/globals';
import { seconds } from '../../../src/lib/units.ts';
import { sleep } from '../../../src/runtime/clock.ts';
import { withDeadline } from '../../../src/runtime/deadline.ts';
import { fakeClock, settle } from './fake-clock.ts';

test('work that is done in time gives its result and leaves nothing behind', async () => {
  const clock = fakeClock();
  const result = await withDeadline({ clock, limit: seconds(1), overdue: 'late' }, () => Promise.resolve(7));
  expect(result).toBe(7);
  expect(clock.pending).toBe(0);
});

test('work that takes too long is reported, and not waited for', async () => {
  const clock = fakeClock();
  const reasons: unknown[] = [];
  const work = withDeadline({ clock, limit: seconds(1), overdue: 'it took too long' }, (signal) => {
    signal.addEventListener('abort', () => reasons.push(signal.reason));
    return new Promise(() => undefined);
  });
  const failed = expect(work).rejects.toThrow('it took too long');
  await clock.advance(seconds(1));
  await failed;
  expect(reasons[0]).toEqual(new Error('it took too long'));
});

test('work ends with its caller, also when that has already ended', async () => {
  const clock = fakeClock();
  const calling = new AbortController();
  const start = () =>
    withDeadline(
      { clock, limit: seconds(1), signal: calling.signal, overdue: 'late' },
      () => new Promise(() => undefined),
    );
  const failed = expect(start()).rejects.toThrow('enough');
  calling.abort(new Error('enough'));
  await failed;
  await expect(start()).rejects.toThrow('enough');
  expect(clock.pending).toBe(0);
});

test('sleep ends with its time or with its signal, and leaves no timer', async () => {
  const clock = fakeClock();
  const stopping = new AbortController();
  let awake = 0;
  void sleep(clock, seconds(1), stopping.signal).then(() => (awake += 1));
  void sleep(clock, seconds(9), stopping.signal).then(() => (awake += 1));
  await clock.advance(seconds(1));
  expect(awake).toBe(1);
  stopping.abort();
  await settle();
  expect(awake).toBe(2);
  await sleep(clock, seconds(9), stopping.signal);
  expect(clock.pending).toBe(0);
});
