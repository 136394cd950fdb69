/** The values of the chart. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { ChartValues, VALUES } from '../../../hack/generate/chart-values.ts';

const chart = join(import.meta.dirname, '../../../deploy/chart');
const read = (file: string): string => readFileSync(join(chart, file), 'utf8');

const templates = [
  'admission',
  'crds',
  'dashboard',
  'deployment',
  'networkpolicy',
  'pdb',
  'prometheusrule',
  'rbac',
  'service',
  'serviceaccount',
  'servicemonitor',
].map((name) => read(`templates/${name}.yaml`));
const text = [...templates, read('templates/_helpers.tpl')].join('\n');

test('values.yaml has each value, and no other', () => {
  const { error } = ChartValues.safeParse(parse(read('values.yaml')));
  expect(error?.issues ?? []).toEqual([]);
});

test.each(VALUES)('%s says what it is for, and a template uses it', (path, description) => {
  expect(description).not.toBe('');
  const names = path.split('.');
  // Templates shorten the way to nested values.
  const uses = [
    `.Values.${path}`,
    `$proxmox.${names.slice(2).join('.')}`,
    `$policy.${names.slice(1).join('.')}`,
  ];
  expect(uses.some((use) => new RegExp(`${use.replaceAll(/[.$]/g, '\\$&')}\\b`).test(text))).toBe(true);
});
