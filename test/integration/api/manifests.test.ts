import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { z } from 'zod';
import { manifestFiles, objectsIn, readManifest } from '../../fixtures/manifests.ts';
import { controlPlane, type TestPlane } from '../harness/control-plane.ts';

let plane: TestPlane;
beforeAll(async () => {
  plane = await controlPlane();
});

/** Applies a manifest and gives what kubectl then says of the objects, as JSON. */
type Apply = (text: string, namespace: string) => Promise<string>;

const byKustomize: Apply = async (text, namespace) => {
  const dir = await mkdtemp(join(tmpdir(), 'kustomize-'));
  try {
    await writeFile(join(dir, 'manifest.yaml'), text);
    await writeFile(join(dir, 'kustomization.yaml'), stringify({ resources: ['manifest.yaml'] }));
    return await plane.succeed(['apply', '-n', namespace, '-k', dir, '-o', 'json']);
  } finally {
    await rm(dir, { recursive: true });
  }
};

const fromStdin = (input: string, namespace: string, ...flags: readonly string[]) =>
  plane.succeed(['apply', ...flags, '-n', namespace, '-f', '-', '-o', 'json'], { input });

/** What a program does that reads the manifest with npm's yaml and sends JSON. */
const byProgram: Apply = (text, namespace) =>
  fromStdin(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objectsIn(text) }), namespace);

const ways: readonly [string, Apply][] = [
  ['kubectl apply', (text, namespace) => fromStdin(text, namespace)],
  ['kubectl apply --server-side', (text, namespace) => fromStdin(text, namespace, '--server-side')],
  ['kubectl apply -k', byKustomize],
  ['a program that reads YAML 1.2', byProgram],
];

/** Some manifests name a namespace, which other tests use too: each way of applying gets one of its own. */
const moved = (file: string, namespace: string): string =>
  readManifest(file).replaceAll(/^( +namespace:) .*$/gm, `$1 ${namespace}`);

const Applied = z.object({ metadata: z.object({ name: z.string(), generation: z.number().optional() }) });
const generations = (json: string) => {
  const one = Applied.safeParse(JSON.parse(json));
  return one.success ? [one.data] : z.object({ items: z.array(Applied) }).parse(JSON.parse(json)).items;
};

describe.each(ways)('%s', (_name, apply) => {
  let namespace: string;
  beforeAll(async () => {
    namespace = await plane.newNamespace('manifests');
  });

  test.each(manifestFiles)('takes %s, and a second time changes nothing', async (file) => {
    const text = moved(file, namespace);
    const first = generations(await apply(text, namespace));
    expect(first).toHaveLength(objectsIn(text).length);
    expect(generations(await apply(text, namespace))).toEqual(first);
  });
});

describe('a fragment among the published examples', () => {
  test.each([
    ['12-vm-web-server.yaml', 'vm', 'web-server', { spec: { classRef: { name: 'large' } } }],
    ['18-vmclone-linked.yaml', 'vmclone', 'web-clone', { spec: { linkedClone: false } }],
    [
      '04-provider.yaml',
      'prov',
      'proxmox-prod',
      { spec: { runtime: { env: [{ name: 'PVE_INSECURE_SKIP_VERIFY', value: 'true' }] } } },
    ],
  ])('is taken as a patch of %s', async (file, kind, name, patch) => {
    await byProgram(moved(file, plane.namespace), plane.namespace);
    const patched = await plane.succeed([
      ...['patch', kind, name, '--type=merge', '-p', JSON.stringify(patch), '-o', 'json'],
    ]);
    expect(JSON.parse(patched)).toMatchObject(patch);
  });
});
