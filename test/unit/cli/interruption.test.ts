import { expect, test } from '@jest/globals';
import { interruption } from '../../../src/cli/interruption.ts';

function interrupted() {
  const seen: (string | number)[] = [];
  const ended = interruption({ exit: (code) => seen.push(code), err: (text) => seen.push(text) });
  return { ...ended, seen };
}

test('the first signal lets a command end by itself, the second ends the process', () => {
  const { signal, received, seen } = interrupted();
  received();
  expect([signal.aborted, seen]).toEqual([true, []]);
  received();
  expect(seen).toEqual([130]);
});

test('what is being put back is waited for, and further signals are answered with it', async () => {
  const { received, finish, seen } = interrupted();
  const work = Promise.withResolvers<string>();
  received();
  const finished = finish('removing it', work.promise);
  received();
  received();
  expect(seen).toEqual(['removing it: wait for it\n', 'removing it: wait for it\n']);
  work.resolve('done');
  expect(await finished).toBe('done');
  received();
  expect(seen.at(-1)).toBe(130);
});

test('what could not be put back is waited for no longer', async () => {
  const { received, finish, seen } = interrupted();
  received();
  await expect(finish('removing it', Promise.reject(new Error('no')))).rejects.toThrow('no');
  received();
  expect(seen).toEqual([130]);
});

test('a reader that has closed the pipe ends the process, but not what is being put back', async () => {
  const { brokenPipe, finish, seen } = interrupted();
  const work = Promise.withResolvers<string>();
  const finished = finish('removing it', work.promise);
  brokenPipe();
  expect(seen).toEqual([]);
  work.resolve('done');
  await finished;
  brokenPipe();
  expect(seen).toEqual([0]);
});
