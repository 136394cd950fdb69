import { existsSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { LONG } from '../sequencer.ts';

test('every test file that is to begin first exists', () => {
  expect(LONG.filter((file) => !existsSync(file))).toEqual([]);
  expect(LONG).not.toEqual([]);
});
