/**
 * The blocks of YAML in the pages: each is something that a test checks. Objects, kustomizations, values of the chart
 * and parts of a spec are tried on an API server (test/integration/ci/doc-manifests.test.ts), the others here.
 */
import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { blocksOf, docYaml, type DocYaml, type Form } from '../../fixtures/doc-yaml.ts';
import { clusterSchema } from '../../fakepve/cluster-file.ts';
import { latencySchema } from '../../fakepve/latency.ts';
import { readScenarios } from '../../performance/loadgen/scenarios.ts';

const all = docYaml();
const of = (form: Form): readonly DocYaml[] => all.filter((block) => block.form === form);

test('there are many, and each is of a form that is checked', () => {
  expect(all.length).toBeGreaterThan(60);
  expect(of('objects').length).toBeGreaterThan(50);
  expect(of('unknown').map(({ page, line }) => `${page}:${line}`)).toEqual([]);
});

test.each([
  ['an object', 'apiVersion: v1\nkind: Secret\n', 'objects'],
  ['objects, one of which has no kind', 'apiVersion: v1\nkind: Secret\n---\nspec: {}\n', 'unknown'],
  ['a misspelt value of the chart', 'networkPolicies: { enabled: true }\n', 'unknown'],
  ['a part of a spec', 'grants: []\n', 'spec'],
  ['a part that several kinds have', 'deletionPolicy: Retain\n', 'unknown'],
])('%s is recognized', (_what, text, form) => {
  expect(blocksOf('page.md', `\`\`\`yaml\n${text}\`\`\`\n`).map((block) => block.form)).toEqual([form]);
});

describe('what the fake Proxmox VE and the load test read', () => {
  test.each(of('cluster'))('$page:$line is a cluster', ({ documents }) => {
    expect(clusterSchema.safeParse(documents[0])).toMatchObject({ success: true });
  });

  test.each(of('latency'))('$page:$line is a profile of latencies', ({ documents }) => {
    expect(latencySchema.safeParse(documents[0])).toMatchObject({ success: true });
  });

  test.each(of('scenarios'))('$page:$line has scenarios', ({ text }) => {
    expect(readScenarios(text).scenarios.length).toBeGreaterThan(0);
  });

  test.each(of('steps'))('$page:$line has steps of a workflow', ({ documents }) => {
    const steps = z.array(z.strictObject({ run: z.string() }));
    expect(steps.safeParse(documents[0])).toMatchObject({ success: true });
  });
});
