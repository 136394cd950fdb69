/** The workflows of GitHub Actions, as actionlint reads them, and what they call. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';
import { ensureActionlint } from '../../../hack/actionlint/actionlint.ts';
import { run } from '../../../hack/control-plane/run.ts';
import { HELM_VERSION } from '../../../hack/helm/helm.ts';

const ROOT = join(import.meta.dirname, '../../..');
const FILES = globSync('.github/workflows/*.yml', { cwd: ROOT });
const targets = [...readFileSync(join(ROOT, 'Makefile'), 'utf8').matchAll(/^([a-z][a-z0-9-]*):/gm)].map(
  ([, target]) => target,
);

let actionlint: string;
beforeAll(async () => {
  actionlint = await ensureActionlint((line) => process.stderr.write(`${line}\n`));
});

test('actionlint finds nothing', async () => {
  expect(FILES.length).toBeGreaterThan(3);
  const { code, stdout } = await run(actionlint, ['-no-color', ...FILES], { cwd: ROOT });
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
});

test('actionlint finds a mistake', async () => {
  const input =
    'on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo ${{ github.reff }}\n';
  const { code, stdout } = await run(actionlint, ['-no-color', '-'], { cwd: ROOT, input });
  expect(code).toBe(1);
  expect(stdout).toContain('property "reff" is not defined');
});

test('the release packages the chart with the Helm that the tests use', () => {
  const text = readFileSync(join(ROOT, '.github/workflows/release.yml'), 'utf8');
  const [, version] = /azure\/setup-helm@\S+\s+with:\s+version: v(\S+)/.exec(text) ?? [];
  expect(version).toBe(HELM_VERSION);
});

const Workflow = z.object({
  permissions: z.record(z.string(), z.string()),
  jobs: z.record(z.string(), z.looseObject({ 'timeout-minutes': z.number() })),
});

describe.each(FILES)('%s', (file) => {
  const text = readFileSync(join(ROOT, file), 'utf8');

  test('may only read, unless a job says more, and ends', () => {
    const { permissions } = Workflow.parse(parse(text));
    expect(permissions).toEqual({ contents: 'read' });
  });

  test('calls targets of make that exist', () => {
    for (const [, target] of text.matchAll(/\bmake ([a-z][a-z0-9-]*)/g)) expect(targets).toContain(target);
  });
});
