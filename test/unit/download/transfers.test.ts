import { setImmediate } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { createTransfers, type TransferControl } from '../../../src/download/index.ts';

interface Control extends TransferControl {
  readonly resolve: (result: string) => void;
  readonly reject: (error: Error) => void;
}

/** Work that ends when the test says so. */
function rig(limits?: Parameters<typeof createTransfers>[1]) {
  let now = 0;
  const started: string[] = [];
  const controls = new Map<string, Control>();
  const transfers = createTransfers<string>(() => now, limits);
  return {
    transfers,
    started,
    control: (key: string) => controls.get(key)!,
    pass: (ms: number) => (now += ms),
    start: (key: string, owner: string, lane = key): void => {
      transfers.start(key, {
        owner,
        lane,
        run(control) {
          started.push(key);
          const done = Promise.withResolvers<string>();
          control.signal.addEventListener('abort', () => done.reject(control.signal.reason as Error));
          controls.set(key, { ...control, resolve: done.resolve, reject: done.reject });
          return done.promise;
        },
      });
    },
  };
}

const end = async (done: Pick<Control, 'resolve'>): Promise<void> => {
  done.resolve('result');
  await setImmediate();
};

test('two run at once; the others wait, and know how many begin before them', async () => {
  const { transfers, start, started, control } = rig();
  for (const key of ['a', 'b', 'c', 'd']) start(key, 'team');
  expect(started).toEqual(['a', 'b']);
  expect(transfers.see('d')).toEqual({ state: 'queued', ahead: 1 });
  await end(control('a'));
  expect(transfers.see('a')).toMatchObject({ state: 'done', result: 'result' });
  expect(started).toEqual(['a', 'b', 'c']);
  expect(transfers.see('d')).toEqual({ state: 'queued', ahead: 0 });
});

test('one runs at a time in a lane', async () => {
  const { start, started, control } = rig();
  start('a', 'team', 'pve');
  start('b', 'team', 'pve');
  start('c', 'team', 'other');
  expect(started).toEqual(['a', 'c']);
  await end(control('a'));
  expect(started).toEqual(['a', 'c', 'b']);
});

test('an owner with many does not hold up another with one', async () => {
  const { start, started, control } = rig({ atOnce: 1, maxMs: 1000, unseenMs: 1000 });
  for (const key of ['a1', 'a2', 'a3']) start(key, 'a');
  start('b1', 'b');
  await end(control('a1'));
  await end(control('b1'));
  await end(control('a2'));
  expect(started).toEqual(['a1', 'b1', 'a2', 'a3']);
});

test('what is started twice runs once, and again after it has failed', async () => {
  const { transfers, start, started, control } = rig();
  start('a', 'team');
  start('a', 'team');
  expect(started).toEqual(['a']);
  control('a').reject(new Error('It broke.'));
  await setImmediate();
  expect(transfers.see('a')).toMatchObject({ state: 'failed', error: new Error('It broke.') });
  start('a', 'team');
  expect(started).toEqual(['a', 'a']);
});

test('what is dropped is cancelled, and its place is free once it has ended', async () => {
  const { transfers, start, started, control } = rig({ atOnce: 1, maxMs: 1000, unseenMs: 1000 });
  start('a', 'team');
  start('b', 'team');
  transfers.drop((key) => key === 'a');
  expect(control('a').signal.aborted).toBe(true);
  expect(transfers.see('a')).toBeUndefined();
  expect(started).toEqual(['a']);
  await setImmediate();
  expect(started).toEqual(['a', 'b']);
});

test('what nobody looks at any more ends, and what waits unseen does not begin', async () => {
  const { transfers, start, started, control, pass } = rig({ atOnce: 1, maxMs: 10_000, unseenMs: 1000 });
  start('a', 'team');
  start('b', 'team');
  pass(900);
  transfers.see('a');
  control('a').onProgress({ phase: 'Verifying', bytes: 1 });
  expect(control('a').signal.aborted).toBe(false);
  pass(1100);
  control('a').onProgress({ phase: 'Verifying', bytes: 2 });
  expect(control('a').signal.aborted).toBe(true);
  await setImmediate();
  expect(started).toEqual(['a']);
  expect(transfers.see('b')).toBeUndefined();
});

test('what takes too long ends', () => {
  const { transfers, start, control, pass } = rig({ atOnce: 1, maxMs: 7_200_000, unseenMs: Infinity });
  start('a', 'team');
  pass(7_200_001);
  control('a').onProgress({ phase: 'Uploading', bytes: 1, total: 9 });
  expect(control('a').signal.reason).toMatchObject({
    message: 'The file was not transferred within 2 hours.',
  });
  expect(transfers.see('a')).toEqual({
    state: 'running',
    progress: { phase: 'Uploading', bytes: 1, total: 9 },
  });
});

test('after they are closed nothing runs', async () => {
  const { transfers, start, started, control } = rig();
  for (const key of ['a', 'b', 'c']) start(key, 'team');
  transfers.close();
  await setImmediate();
  start('d', 'team');
  expect(started).toEqual(['a', 'b']);
  expect([control('a').signal.aborted, control('b').signal.aborted]).toEqual([true, true]);
});
