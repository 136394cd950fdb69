/** Whoever reads a reason finds it in the runbook. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { EVENT_REASONS, REASONS } from '../../../src/api/reasons.ts';
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

const sources = readdirSync('controllers', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => readFileSync(`controllers/${name}`, 'utf8'))
  .join('\n');

test.each(EVENT_REASONS)('%s is given to an event, and to nothing else', (reason) => {
  expect(sources).toMatch(new RegExp(`\\b(event|normal|warning)\\(\\s*'${reason}'`));
  expect(REASONS).not.toContain(reason);
});

test.each([...REASONS, ...EVENT_REASONS])('%s has a row in the runbook', (reason) => {
  expect(rows).toContain(reason);
});
