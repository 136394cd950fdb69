import { expect, test } from '@jest/globals';
import { headersIn } from '../../../src/download/headers.ts';

test('each key is a header; the line break of a file is no part of it', () => {
  expect(headersIn({ Authorization: 'Bearer abc\n', 'X-Key': 'k' })).toEqual({
    value: { Authorization: 'Bearer abc', 'X-Key': 'k' },
  });
});

test.each([
  [{}, /has no keys/],
  [{ Host: 'elsewhere' }, /key Host/],
  [{ 'transfer-encoding': 'chunked' }, /key transfer-encoding/],
  [{ Range: 'bytes=0-' }, /key Range/],
  [{ Authorization: 'a\r\nX-Other: b' }, /value under Authorization/],
  [{ Authorization: '' }, /value under Authorization/],
  [{ Authorization: 'x'.repeat(20_000) }, /16 KiB/],
  [Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`x-${i}`, 'v'])), /more than 32/],
])('headers that cannot be sent are refused without their values (%#)', (values, problem) => {
  const found = headersIn(values);
  expect(found).toEqual({ problem: expect.stringMatching(problem) });
  expect(JSON.stringify(found)).not.toContain('elsewhere');
});
