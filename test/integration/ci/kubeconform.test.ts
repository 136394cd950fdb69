/** What is installed, as kubeconform reads it: without an API server, and by the schemas of one. */
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { z } from 'zod';
import { run } from '../../../hack/control-plane/run.ts';
import { ensureHelm } from '../../../hack/helm/helm.ts';
import { ensureKubeconform } from '../../../hack/kubeconform/kubeconform.ts';
import { SCHEMA_LOCATION, schemasOf } from '../../../hack/kubeconform/schemas.ts';
import { FULL_VALUES, MONITORING_VALUES } from '../../fixtures/chart-values.ts';
import { controlPlane, type TestPlane } from '../harness/control-plane.ts';

const ROOT = join(import.meta.dirname, '../../..');
/** Kinds of CRDs that are not ours. */
const OF_OTHERS = ['Kustomization', 'PrometheusRule', 'ServiceMonitor'];

const Report = z.object({
  resources: z
    .array(z.object({ kind: z.string(), name: z.string(), status: z.string(), msg: z.string() }))
    .default([]),
  summary: z.object({ valid: z.number(), invalid: z.number(), errors: z.number(), skipped: z.number() }),
});

let plane: TestPlane;
let kubeconform: string;
let helm: string;
let folder: string;
beforeAll(async () => {
  const log = (line: string) => process.stderr.write(`${line}\n`);
  [plane, kubeconform, helm] = await Promise.all([controlPlane(), ensureKubeconform(log), ensureHelm(log)]);
  folder = mkdtempSync(join(tmpdir(), 'kubeconform-'));
  const openApi: unknown = JSON.parse(await plane.succeed(['get', '--raw', '/openapi/v2']));
  for (const [file, schema] of schemasOf(openApi)) writeFileSync(join(folder, file), schema);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function check(manifests: string) {
  const args = ['-schema-location', join(folder, SCHEMA_LOCATION), '-skip', OF_OTHERS.join(',')];
  const { stdout } = await run(kubeconform, [...args, '-output', 'json', '-summary', '-'], {
    input: manifests,
  });
  const { resources, summary } = Report.parse(JSON.parse(stdout));
  const problems = resources.map(({ kind, name, msg }) => `${kind} ${name}: ${msg}`);
  return { problems, ...summary };
}

const chart = async (values: object): Promise<string> => {
  const file = join(folder, 'values.yaml');
  writeFileSync(file, stringify(values));
  const { code, stdout, stderr } = await run(
    helm,
    [...['template', 'release', 'deploy/chart', '--namespace', 'virtrigaud-system', '--values', file]],
    { cwd: ROOT },
  );
  if (code !== 0) throw new Error(stderr);
  return stdout;
};
const kustomized = (path: string) => (): Promise<string> =>
  plane.succeed(['kustomize', join(ROOT, 'deploy/kustomize', path)]);
const files = (pattern: string) => (): string =>
  globSync(pattern, { cwd: ROOT })
    .map((file) => readFileSync(join(ROOT, file), 'utf8'))
    .join('\n---\n');

test.each([
  ['deploy/install.yaml', files('deploy/install.yaml'), 0],
  ['the samples', files('deploy/samples/*.yaml'), 0],
  ['the examples for Argo CD', files('deploy/argocd/*.yaml'), 0],
  ['the examples for Flux', files('deploy/flux/*.yaml'), 3],
  ['the load test', files('deploy/performance/*.yaml'), 0],
  ['the base of Kustomize', kustomized('base'), 0],
  ['the overlay for namespaces', kustomized('namespaced'), 0],
  ['the overlay for development', kustomized('development'), 0],
  ['the chart with its defaults', () => chart({}), 0],
  ['the chart with every value', () => chart(FULL_VALUES), 0],
  ['the chart with what needs the Prometheus operator', () => chart(MONITORING_VALUES), 2],
  ['the chart for single namespaces', () => chart({ watchNamespaces: ['default', 'kube-public'] }), 0],
] as const)('finds nothing in %s', async (_what, manifests, ofOthers) => {
  const { problems, valid, skipped } = await check(await manifests());
  expect(problems).toEqual([]);
  expect(valid + skipped).toBeGreaterThan(0);
  expect(skipped).toBe(ofOthers);
});

test.each([
  ['a field that does not exist', (text: string) => text.replace('replicas:', 'replicass:'), 'replicass'],
  ['a value of the wrong type', (text: string) => text.replace(/replicas: \d+/, 'replicas: two'), 'replicas'],
  ['a field of ours that does not exist', (text: string) => text.replace('cpus:', 'cpuss:'), 'cpuss'],
])('finds %s', async (_what, spoil, named) => {
  const text = `${await kustomized('base')()}\n---\n${files('deploy/samples/07-*.yaml')()}`;
  const spoilt = spoil(text);
  expect(spoilt).not.toBe(text);
  const { problems } = await check(spoilt);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toContain(named);
});
