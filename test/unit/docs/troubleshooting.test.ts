/** docs/troubleshooting.md has each symptom of virtrigaud's documentation, and reasons that exist. */
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { REASONS } from '../../../src/api/reasons.ts';

const page = readFileSync('docs/troubleshooting.md', 'utf8');
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .slice(1)
  .map((line) => line.split(' | '));

/** As they are written there. */
const SYMPTOMS = [
  'endpoint is required',
  'invalid endpoint URL',
  'authentication failed: invalid credentials',
  'no route to host',
  'connection refused',
  'connection timeout',
  '401 Unauthorized',
  'x509: certificate signed by unknown authority',
  "storage 'local-lvm' does not exist",
  'IP addresses',
  'CrashLoopBackOff',
  '0/1 Ready',
];

test.each(SYMPTOMS)('%s has a row, with what the operator says and what to do', (symptom) => {
  const found = rows.filter(([first]) => first?.includes(symptom));
  expect(found).toHaveLength(1);
  expect(found[0]).toHaveLength(3);
});

test('the reasons of conditions exist', () => {
  const conditions = /^(Ready|Reconciling|Stalled|Synced|RestartRequired|FieldsIgnored|GuestAgentConnected)$/;
  const named = rows.flatMap(([, says = '']) =>
    [...says.matchAll(/`([A-Z][A-Za-z]+)(?:=\w+)?`/g)].map(([, word = '']) => word),
  );
  expect(named.length).toBeGreaterThan(10);
  for (const reason of named) if (!conditions.test(reason)) expect(REASONS).toContain(reason);
});
