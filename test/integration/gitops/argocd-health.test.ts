/** The health check for Argo CD, run as Argo CD runs it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { REPORTED } from '../../builders/reported.ts';
import { argocdHealthProgram } from '../harness/argocd-health.ts';

let health: Awaited<ReturnType<typeof argocdHealthProgram>>;
beforeAll(async () => {
  health = await argocdHealthProgram();
});

test.each(REPORTED)('an object $name is $argocd', async ({ object, argocd }) => {
  const [answer] = await health(object);
  expect(answer).toMatchObject({ status: argocd, message: expect.stringMatching(/\w/) });
});

test('an object without a status, as in a test of Argo CD without our defaults, is Progressing', async () => {
  const [answer] = await health({ metadata: { name: 'web', generation: 1 } });
  expect(answer).toMatchObject({ status: 'Progressing' });
});

test('the message is that of the condition', async () => {
  const stalled = REPORTED.find(({ argocd }) => argocd === 'Degraded')!;
  const [answer] = await health(stalled.object);
  expect(answer?.message).toBe('A sentence.');
});

test('the ConfigMap has the script, for all kinds of the group', () => {
  const folder = join(import.meta.dirname, '../../../deploy/argocd');
  const read = (file: string): string => readFileSync(join(folder, file), 'utf8');
  const { data } = parse(read('argocd-cm.yaml')) as { data: Record<string, string> };
  expect(parse(data['resource.customizations']!)).toEqual({
    'infra.virtrigaud.io/*': { 'health.lua': read('health.lua') },
  });
});
