/** The test files that took longest run first the next time. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { longestFirst, readDurations, rememberDurations } from '../../durations.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'durations-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

test('what took longest comes first, after what was never seen, in the order in which that was given', () => {
  const known: Readonly<Record<string, number>> = { short: 1, long: 100, none: 0, middle: 10 };
  const files = ['short', 'new', 'long', 'none', 'middle', 'also new'];
  expect(longestFirst(files, (file) => known[file])).toEqual([
    'new',
    'also new',
    'long',
    'middle',
    'short',
    'none',
  ]);
});

test('the durations of a run replace those of earlier ones, and leave those of other files', () => {
  const file = join(dir, 'new folder', 'durations.json');
  rememberDurations(file, { a: 1, b: 2 });
  rememberDurations(file, { b: 3 });
  expect(readDurations(file)).toEqual({ a: 1, b: 3 });
});

test.each(['', '{', '[]', '{"a":"b"}'])('a file that holds something else (%j) says nothing', (text) => {
  const file = join(dir, 'durations.json');
  writeFileSync(file, text);
  expect(readDurations(file)).toEqual({});
});
