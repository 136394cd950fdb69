import { expect, test } from '@jest/globals';
import { digestWith, sameKey } from '../../../src/lib/hash.ts';

const [one, other] = [digestWith(new Uint8Array([1])), digestWith(new Uint8Array([2]))];

test('a digest is the same for the same text and key, and names its key', () => {
  expect(one('a')).toBe(one('a'));
  expect(new Set([one('a'), one('b'), other('a')]).size).toBe(3);
  expect(sameKey(one('a'), one('b'))).toBe(true);
  expect(sameKey(one('a'), other('a'))).toBe(false);
});
