/** Whoever reads a reason finds it in the runbook. */
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { REASONS } from '../../../src/api/reasons.ts';
import { reasonsInCode } from '../../builders/reasons-in-code.ts';

test('every reason that the code gives is in the one list, and every one in the list is given', () => {
  expect([...REASONS].toSorted()).toEqual(reasonsInCode('controllers', 'src/runtime'));
});

const runbook = readFileSync('docs/runbook.md', 'utf8');
const rows = new Set(
  runbook
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .flatMap((line) =>
      [...(line.split('|')[1] ?? '').matchAll(/`([A-Za-z]+)`/g)].map(([, reason]) => reason),
    ),
);

test.each(REASONS)('%s has a row in the runbook', (reason) => {
  expect(rows).toContain(reason);
});
