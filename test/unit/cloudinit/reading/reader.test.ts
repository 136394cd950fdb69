import { describe, expect, test } from '@jest/globals';
import type { Documents, Text } from '../../../../src/cloudinit/documents.ts';
import { createDocumentReader } from '../../../../src/cloudinit/reading/reader.ts';

const long = (name: string, size = 3000): string => `#cloud-config\n# ${name}\n${'#\n'.repeat(size / 2)}`;
const dataOf = (name: string, size?: number) => ({ userData: long(name, size), sshKeys: [] });
const FOUND: Documents = { userData: { value: { kind: 'other' } } };
const REFUSED: Documents = { userData: { problem: 'It takes too long.' } };

/** A reader whose texts are read when the test says so. */
function reading(patienceMs = 60_000) {
  const started: string[] = [];
  const open: ((documents: Documents) => void)[] = [];
  const fail: ((error: Error) => void)[] = [];
  const clock = { now: 0 };
  const ask = createDocumentReader({
    now: () => clock.now,
    patienceMs,
    read: ({ text }: Text) => {
      started.push(/# (.*)/.exec(text)![1]!);
      return new Promise((resolve, reject) => {
        open.push(resolve);
        fail.push(reject);
      });
    },
  });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const finish = async (documents = FOUND) => {
    open.shift()!(documents);
    fail.shift();
    await turn();
  };
  return { ask, started, finish, turn, clock, failNext: (error: Error) => fail.shift()!(error) };
}

test('short texts are left to whoever needs them', async () => {
  const { ask, started } = reading();
  expect(await ask('team', { userData: '#cloud-config\na: b\n', sshKeys: [], metaData: 'a: b' })).toEqual({});
  expect(started).toEqual([]);
});

test('a text is read once for all VMs and passes, also one that is refused', async () => {
  for (const answer of [FOUND, REFUSED]) {
    const { ask, started, finish } = reading();
    const both = Promise.all([ask('team', dataOf('one')), ask('team', dataOf('one'))]);
    await finish(answer);
    expect(await both).toEqual([answer, answer]);
    expect(await ask('other', dataOf('one'))).toEqual(answer);
    expect(started).toEqual(['one']);
  }
});

test('a text that was refused is tried again after ten minutes: the machine may have been busy', async () => {
  const { ask, started, finish, clock } = reading();
  const first = ask('team', dataOf('one'));
  await finish(REFUSED);
  await first;
  clock.now = 599_999;
  await ask('team', dataOf('one'));
  expect(started).toHaveLength(1);
  clock.now = 600_000;
  const again = ask('team', dataOf('one'));
  await finish();
  expect(await again).toEqual(FOUND);
});

describe('a namespace with many texts that take long', () => {
  test('delays another one by a single text', async () => {
    const { ask, started, finish } = reading(1);
    await Promise.all(['a', 'b', 'c', 'd'].map((name) => ask('evil', dataOf(name))));
    await ask('team', dataOf('innocent'));
    await finish(REFUSED);
    await finish(REFUSED);
    expect(started.slice(0, 3)).toEqual(['a', 'b', 'innocent']);
  });

  test('does not hold passes: what is not read soon is asked for again', async () => {
    const { ask, finish } = reading(1);
    expect(await ask('evil', dataOf('a'))).toBeUndefined();
    await finish(REFUSED);
    expect(await ask('evil', dataOf('a'))).toEqual(REFUSED);
  });

  test('has at most four passes that wait', async () => {
    const { ask } = reading();
    const names = ['running', 'a', 'b', 'c', 'd', 'one more'];
    const answers = names.map((name) => ask('evil', dataOf(name)));
    expect(await answers.at(-1)).toBeUndefined();
  });

  test('has at most four million characters in the queue', async () => {
    const { ask, started, finish, turn } = reading(1);
    for (const name of ['running', 'a', 'b', 'c', 'd', 'e', 'f']) await ask('evil', dataOf(name, 1_000_000));
    for (let n = 0; n < 4; n += 1) await finish(REFUSED);
    await turn();
    expect(started).toEqual(['running', 'a', 'b', 'c']);
  });
});

test('a thread that cannot be started fails the pass, and the next pass tries again', async () => {
  const { ask, started, turn, failNext } = reading();
  const first = ask('team', dataOf('one'));
  await turn();
  failNext(new Error('no thread'));
  await expect(first).rejects.toThrow('no thread');
  void ask('team', dataOf('one'));
  await turn();
  expect(started).toEqual(['one', 'one']);
});
