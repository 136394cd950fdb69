/**
 * The manifests of all pages, as a reader applies them: each is tried on an API server with our CRDs and admission
 * policies, which refuses fields that do not exist. Those of docs/mistakes.md have a test of their own.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';
import { run } from '../../../hack/control-plane/run.ts';
import { ensureHelm } from '../../../hack/helm/helm.ts';
import { type DocYaml, docYaml, type Form, kindOfSpec } from '../../fixtures/doc-yaml.ts';
import { controlPlane, type TestPlane } from '../harness/control-plane.ts';
import { type KubeApi, kubeApi } from '../harness/kube-api.ts';

const ROOT = join(import.meta.dirname, '../../..');
const all = docYaml();
const of = (form: Form) =>
  all
    .filter((block) => block.form === form)
    .map((block) => ({ ...block, at: `${block.page}:${block.line}` }));

/** Kinds of CRDs that are not ours, so that the API server here does not know them. */
const OF_OTHERS = new Set(['monitoring.coreos.com/v1', 'kustomize.toolkit.fluxcd.io/v1']);

const Manifest = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), namespace: z.string().optional() }),
});
type Manifest = z.infer<typeof Manifest>;
const Resources = z.object({
  resources: z.array(z.object({ name: z.string(), kind: z.string(), namespaced: z.boolean() })),
});

let plane: TestPlane;
let api: KubeApi;
let helm: string;
let folder: string;
beforeAll(async () => {
  [plane, helm] = await Promise.all([
    controlPlane(),
    ensureHelm((line) => process.stderr.write(`${line}\n`)),
  ]);
  api = await kubeApi(plane.kubeconfig);
  folder = mkdtempSync(join(tmpdir(), 'docs-'));
  // That of the installation; a namespace cannot be tried out together with what is in it.
  const metadata = { name: 'virtrigaud-system' };
  await api.apply('/api/v1/namespaces/virtrigaud-system', { apiVersion: 'v1', kind: 'Namespace', metadata });
});
afterAll(async () => {
  await api.close();
  rmSync(folder, { recursive: true, force: true });
});

const groups = new Map<string, Promise<z.infer<typeof Resources>['resources']>>();
function resourcesOf(apiVersion: string) {
  const known = groups.get(apiVersion);
  if (known) return known;
  const path = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const found = api
    .get(path)
    .then((text) => Resources.parse(JSON.parse(text ?? '{"resources":[]}')).resources);
  groups.set(apiVersion, found);
  return found;
}

/** What the API server says of an object that is made; all that are in a namespace are made in that of this test. */
async function verdictOf(manifest: Manifest) {
  const { apiVersion, kind, metadata } = manifest;
  const resource = (await resourcesOf(apiVersion)).find(
    (each) => each.kind === kind && !each.name.includes('/'),
  );
  if (!resource) return { objection: `the API server has no ${kind} in ${apiVersion}`, warnings: [] };
  const prefix = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const place = resource.namespaced ? `/namespaces/${plane.namespace}` : '';
  const body = {
    ...manifest,
    metadata: { ...metadata, ...(resource.namespaced && { namespace: plane.namespace }) },
  };
  return api.tryOut('POST', `${prefix}${place}/${resource.name}`, { body });
}

test.each(of('objects'))('$at: each object is accepted, without a warning', async ({ documents }) => {
  for (const manifest of z.array(Manifest).parse(documents)) {
    if (OF_OTHERS.has(manifest.apiVersion)) continue;
    const { name } = manifest.metadata;
    expect({ name, ...(await verdictOf(manifest)) }).toEqual({ name, objection: undefined, warnings: [] });
  }
});

/** With these lines in a spec that is complete without them. */
test.each(of('spec'))('$at: the lines are accepted in a spec', async ({ documents }) => {
  const kind = kindOfSpec(documents[0]);
  const sample = Manifest.extend({ spec: z.looseObject({ runtime: z.unknown() }) }).parse(
    parse(readFileSync(join(ROOT, 'deploy/samples/04-provider.yaml'), 'utf8')),
  );
  expect(sample.kind).toBe(kind);
  const { runtime: _withWarning, ...others } = sample.spec;
  const spec = { ...others, ...z.looseObject({}).parse(documents[0]) };
  expect(await verdictOf({ ...sample, spec })).toEqual({ objection: undefined, warnings: [] });
});

describe('kubectl', () => {
  /** The folders that a page speaks of: a copy of the repository here and two folders above, and a base. */
  function laidOut({ text }: DocYaml): string {
    const own = join(mkdtempSync(join(folder, 'kustomize-')), 'overlays/prod');
    mkdirSync(join(own, '../base'), { recursive: true });
    mkdirSync(own);
    writeFileSync(join(own, 'kustomization.yaml'), text);
    for (const place of [own, join(own, '../..')]) symlinkSync(join(ROOT, 'deploy'), join(place, 'deploy'));
    writeFileSync(join(own, '../base/kustomization.yaml'), 'resources: [class.yaml]\n');
    writeFileSync(
      join(own, '../base/class.yaml'),
      readFileSync(join(ROOT, 'deploy/samples/07-vmclass-small.yaml')),
    );
    return own;
  }

  test.each(of('kustomization'))('$at: builds it, and what it makes is accepted', async (block) => {
    const input = await plane.succeed(['kustomize', laidOut(block)]);
    const args = ['apply', '--server-side', '--force-conflicts', '--dry-run=server', '--validate=strict'];
    const said = await plane.succeed([...args, '-f', '-'], { input });
    expect(said).toContain('serverside-applied (server dry run)');
  });
});

describe('Helm', () => {
  async function rendered(text: string): Promise<string> {
    const values = join(folder, 'values.yaml');
    writeFileSync(values, text);
    const args = ['template', 'virtrigaud', 'deploy/chart', '--namespace', 'virtrigaud-system'];
    const { code, stdout, stderr } = await run(
      helm,
      [...args, '--values', values, '--set', 'crds.install=false'],
      { cwd: ROOT },
    );
    if (code !== 0) throw new Error(stderr);
    return stdout;
  }

  test.each(of('values'))('$at: the chart takes the values, and renders with them', async (block) => {
    expect(await rendered(block.text)).toContain('kind: Deployment');
  });

  test('a value that does not exist is found', async () => {
    await expect(rendered('networkPolicies: { enabled: true }\n')).rejects.toThrow('networkPolicies');
  });
});

test('a field that does not exist is found', async () => {
  const manifest = Manifest.parse(
    parse(readFileSync(join(ROOT, 'deploy/samples/07-vmclass-small.yaml'), 'utf8')),
  );
  const { objection } = await verdictOf({ ...manifest, spec: { cpus: 2, memory: '4Gi', memry: '4Gi' } });
  expect(objection).toContain('unknown field "spec.memry"');
});
