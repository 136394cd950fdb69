import { expect, test } from '@jest/globals';
import { millis, minutes } from '../../../src/lib/units.ts';
import { createLimiter, type Waiting } from '../../../src/pve/limiter.ts';

interface Job {
  readonly end: () => void;
  readonly done: Promise<unknown>;
}

const rig = (perLane: number) => {
  const limiter = createLimiter(perLane);
  const started: string[] = [];
  const start = (lane: string, name: string, waiting?: Waiting): Job => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const done = limiter.run(
      lane,
      () => {
        started.push(name);
        return promise;
      },
      waiting,
    );
    return { end: () => resolve(undefined), done };
  };
  return { start, started };
};

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

test('a lane runs as many as it may, and the rest in order of arrival', async () => {
  const { start, started } = rig(2);
  const jobs = ['a', 'b', 'c', 'd'].map((name) => start('pve1', name));
  await settle();
  expect(started).toEqual(['a', 'b']);
  jobs[1]!.end();
  await settle();
  expect(started).toEqual(['a', 'b', 'c']);
  jobs.forEach((job) => job.end());
  await Promise.all(jobs.map((job) => job.done));
  expect(started).toEqual(['a', 'b', 'c', 'd']);
});

test('urgent calls go before those that wait already, in their own order', async () => {
  const { start, started } = rig(1);
  const jobs = [
    start('pve1', 'first'),
    start('pve1', 'second'),
    start('pve1', 'destroy', { urgent: true }),
    start('pve1', 'stop', { urgent: true }),
  ];
  jobs.forEach((job) => job.end());
  await Promise.all(jobs.map((job) => job.done));
  expect(started).toEqual(['first', 'destroy', 'stop', 'second']);
});

test('a full lane does not hold up another', async () => {
  const { start, started } = rig(1);
  const jobs = [start('pve1', 'a'), start('pve1', 'b'), start('pve2', 'c')];
  await settle();
  expect(started).toEqual(['a', 'c']);
  jobs.forEach((job) => job.end());
  await Promise.all(jobs.map((job) => job.done));
});

test('a newcomer does not overtake one that waits', async () => {
  const { start, started } = rig(1);
  const first = start('pve1', 'first');
  const second = start('pve1', 'second');
  await settle();
  first.end();
  const third = start('pve1', 'third');
  await settle();
  expect(started).toEqual(['first', 'second']);
  second.end();
  third.end();
  await third.done;
});

test('a caller that is aborted while waiting leaves the queue', async () => {
  const { start, started } = rig(1);
  const gone = new AbortController();
  const first = start('pve1', 'first');
  const second = start('pve1', 'second', { signal: gone.signal });
  const third = start('pve1', 'third');
  gone.abort(new Error('not needed any more'));
  await expect(second.done).rejects.toThrow('not needed any more');
  first.end();
  third.end();
  await third.done;
  expect(started).toEqual(['first', 'third']);
});

test('calls of one kind leave the last slot to others, also to others that came later', async () => {
  const { start, started } = rig(3);
  const reads = ['a', 'b', 'c', 'd'].map((name) => start('pve1', name, { kind: 'read' }));
  const write = start('pve1', 'write', { kind: 'write' });
  const late = start('pve1', 'late', { kind: 'write' });
  await settle();
  expect(started).toEqual(['a', 'b', 'write']);
  write.end();
  await settle();
  expect(started).toEqual(['a', 'b', 'write', 'late']);
  reads[0]!.end();
  await settle();
  expect(started).toEqual(['a', 'b', 'write', 'late', 'c']);
  [...reads, late].forEach((job) => job.end());
  await Promise.all([...reads, late].map((job) => job.done));
});

test('a call that waits too long ends with an error and leaves the queue', async () => {
  const { start, started } = rig(1);
  const hanging = start('pve1', 'hanging');
  const limit = { after: millis(1), error: () => new Error('crowded') };
  await expect(start('pve1', 'second', { limit }).done).rejects.toThrow('crowded');
  const third = start('pve1', 'third', { limit: { ...limit, after: minutes(1) } });
  hanging.end();
  third.end();
  await third.done;
  expect(started).toEqual(['hanging', 'third']);
});

test('a task that fails gives its place back', async () => {
  const limiter = createLimiter(1);
  await expect(limiter.run('pve1', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  await expect(limiter.run('pve1', () => Promise.resolve('fine'))).resolves.toBe('fine');
});
