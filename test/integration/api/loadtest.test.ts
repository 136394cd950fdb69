/** The load test of the document: its manifest is accepted, and its scenarios are those that `virtrigaud-loadgen` reads. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { readScenarios } from '../../performance/loadgen/scenarios.ts';
import { controlPlane, type TestPlane } from '../harness/control-plane.ts';

/** As the document names it: a link to the one in deploy. */
const MANIFEST = join(import.meta.dirname, '../../performance/proxmox-loadtest.yaml');

const Documents = z.array(
  z.looseObject({
    kind: z.string(),
    metadata: z.looseObject({ name: z.string() }),
    spec: z.looseObject({}).optional(),
    data: z.record(z.string(), z.string()).optional(),
  }),
);

let plane: TestPlane;
beforeAll(async () => {
  plane = await controlPlane();
});

const plain = (document: { readonly toJS: () => unknown }): unknown => document.toJS();

const documents = () => Documents.parse(parseAllDocuments(readFileSync(MANIFEST, 'utf8')).map(plain));

test('every object of the load test is accepted by the API server', async () => {
  const said = await plane.succeed(['apply', '--dry-run=server', '--validate=strict', '-f', MANIFEST]);
  for (const { metadata } of documents()) expect(said).toContain(`/${metadata.name} `);
});

test('the load test is a CronJob that does not run by itself', () => {
  const job = documents().find(({ kind }) => kind === 'CronJob');
  expect(job?.metadata.name).toBe('proxmox-performance-test');
  expect(job?.spec?.['suspend']).toBe(true);
});

test('the scenarios of the load test are valid, and have a row for each operation', () => {
  const map = documents().find(({ kind }) => kind === 'ConfigMap');
  const { scenarios } = readScenarios(map?.data?.['scenarios.yaml'] ?? '');
  expect(new Set(scenarios.map(({ operation }) => operation))).toEqual(
    new Set(['create', 'power', 'describe', 'reconfigure', 'snapshot', 'clone']),
  );
});
