/** The threat model names a test for each line, and each of them exists. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';

const ROOT = resolve(import.meta.dirname, '../../..');
const lines = readFileSync(join(ROOT, 'docs/threat-model.md'), 'utf8').split('\n');

/** Rows of the tables whose last column is headed "Test". */
function rows(): { readonly row: string; readonly test: string }[] {
  const found: { row: string; test: string }[] = [];
  let testsExpected = false;
  for (const line of lines) {
    if (!line.startsWith('|')) testsExpected = false;
    else if (/\|\s*Test\s*\|$/.test(line)) testsExpected = true;
    else if (testsExpected && !/^\|[\s|:-]+\|$/.test(line))
      found.push({ row: line, test: line.split('|').at(-2)?.trim() ?? '' });
  }
  return found;
}

test('there are lines about harm', () => {
  expect(rows().length).toBeGreaterThan(0);
});

test.each(rows())('the test of this line exists: $row', ({ test: cell }) => {
  const [, file = '', title = ''] = /^`(test\/[^`]+\.test\.ts)` › (.+)$/.exec(cell) ?? [];
  expect({ cell, file }).not.toEqual({ cell, file: '' });
  expect(readFileSync(join(ROOT, file), 'utf8')).toContain(title);
});
