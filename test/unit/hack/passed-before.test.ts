import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { passedBefore } from '../../../hack/passed-before.ts';

const DAY = 24 * 3600;
const LINT = ['eslint', '.'];

let dir: string;
let root: string;
let cache: string;

const git = (...args: string[]) => execFileSync('git', args, { cwd: root });
const write = (file: string, text: string) => writeFileSync(join(root, file), text);

async function before(name = 'lint', command = LINT) {
  const result = await passedBefore(name, command, { root, cache });
  if (result === undefined) throw new Error('git cannot list the files of the test');
  return result;
}

const passed = async (name?: string, command?: string[]) => (await before(name, command)).passed;
const recordPass = async (name?: string) => (await before(name)).record();

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'passed-before-'));
  root = join(dir, 'checkout');
  cache = join(dir, 'cache');
  execFileSync('git', ['init', '--quiet', root]);
  write('tracked.ts', 'one');
  write('.gitignore', 'dist\n');
  git('add', '.');
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('a check that passed', () => {
  test('is remembered once it is recorded, not earlier', async () => {
    expect(await passed()).toBe(false);
    expect(await passed()).toBe(false);
    await recordPass();
    expect(await passed()).toBe(true);
  });

  test('is not remembered for another check or another command', async () => {
    await recordPass();
    expect(await passed('types')).toBe(false);
    expect(await passed('lint', [...LINT, '--fix'])).toBe(false);
  });

  test.each<[change: string, make: () => void]>([
    ['a tracked file changed', () => write('tracked.ts', 'two')],
    ['a tracked file was deleted', () => rmSync(join(root, 'tracked.ts'))],
    ['a file was added that git does not track yet', () => write('new.ts', '')],
    ['a file was renamed', () => git('mv', 'tracked.ts', 'renamed.ts')],
  ])('runs again after %s', async (_change, make) => {
    await recordPass();
    make();
    expect(await passed()).toBe(false);
  });

  test('is remembered after an ignored file changed', async () => {
    await recordPass();
    write('dist', 'bundle');
    expect(await passed()).toBe(true);
  });

  test('is remembered after the files are as they were', async () => {
    await recordPass();
    write('tracked.ts', 'two');
    expect(await passed()).toBe(false);
    write('tracked.ts', 'one');
    expect(await passed()).toBe(true);
  });

  test('is forgotten 30 days later, when another one is recorded', async () => {
    await recordPass('old');
    await recordPass('recent');
    const age = (name: string, days: number) => {
      const stamp = readdirSync(cache).find((file) => file.startsWith(`${name}-`));
      if (stamp === undefined) throw new Error(`${name} was not recorded`);
      const at = Date.now() / 1000 - days * DAY;
      utimesSync(join(cache, stamp), at, at);
    };
    age('old', 31);
    age('recent', 29);
    await recordPass('new');
    expect(await passed('old')).toBe(false);
    expect(await passed('recent')).toBe(true);
    expect(await passed('new')).toBe(true);
  });
});

test('a check outside a checkout always runs', async () => {
  rmSync(join(root, '.git'), { recursive: true });
  expect(await passedBefore('lint', LINT, { root, cache })).toBeUndefined();
});
