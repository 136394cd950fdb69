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

const Applied = z.object({
  kind: z.string(),
  metadata: z.object({ name: z.string(), generation: z.number().optional() }),
});
const Answer = z.union([
  z.object({ items: z.array(Applied) }),
  Applied.transform((one) => ({ items: [one] })),
]);

const nameOf = ({ kind, metadata }: { kind: string; metadata: { name: string } }) =>
  `${kind}/${metadata.name}`;

/** Their objects, each with its generation or `undefined`. */
const generations = (json: string) =>
  new Map(Answer.parse(JSON.parse(json)).items.map((each) => [nameOf(each), each.metadata.generation]));

/** As few groups as there can be in which no two files are about the same object: each is applied in one go. */
const groups = manifestFiles.reduce<string[][]>((made, file) => {
  const names = (each: string) => objectsIn(readManifest(each)).map(nameOf);
  const own = names(file);
  const fitting = made.find((group) => !group.flatMap(names).some((name) => own.includes(name)));
  if (fitting) fitting.push(file);
  else made.push([file]);
  return made;
}, []);

describe.each(ways)('%s', (_name, apply) => {
  /** Of each file, what was applied, and what was applied again. */
  const applied = new Map<
    string,
    readonly [ReturnType<typeof generations>, ReturnType<typeof generations>]
  >();
  beforeAll(async () => {
    const namespace = await plane.newNamespace('manifests');
    for (const group of groups) {
      const text = group.map((file) => moved(file, namespace)).join('\n---\n');
      const first = generations(await apply(text, namespace));
      const second = generations(await apply(text, namespace));
      for (const file of group) applied.set(file, [first, second]);
    }
  });

  test.each(manifestFiles)('takes %s, and a second time changes nothing', (file) => {
    const [first, second] = applied.get(file) ?? [];
    for (const name of objectsIn(readManifest(file)).map(nameOf)) {
      expect(first?.has(name)).toBe(true);
      expect([name, second?.get(name)]).toEqual([name, first?.get(name)]);
    }
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
