import { expect, test } from '@jest/globals';
import { slowest, type FileTime } from '../../../hack/slowest.ts';

const times: readonly FileTime[] = [
  { file: 'test/b.test.ts', ms: 900 },
  { file: 'test/a.test.ts', ms: 123_456 },
  { file: 'test/c.test.ts', ms: 12_340 },
];

test('the slowest test files are listed first, in aligned seconds', () => {
  expect(slowest(times)).toEqual([
    '  123.5 s  test/a.test.ts',
    '   12.3 s  test/c.test.ts',
    '    0.9 s  test/b.test.ts',
  ]);
});

test('only as many files are listed as asked for', () => {
  expect(slowest(times, 1)).toEqual(['  123.5 s  test/a.test.ts']);
});

test('at most ten files are listed by default', () => {
  const many = Array.from({ length: 11 }, (_, index) => ({ file: `${index}.test.ts`, ms: index * 1000 }));
  const lines = slowest(many);
  expect(lines).toHaveLength(10);
  expect(lines.at(-1)).toBe('    1.0 s  1.test.ts');
});

test('the times of the caller keep their order', () => {
  const given = [...times];
  slowest(given);
  expect(given).toEqual(times);
});
