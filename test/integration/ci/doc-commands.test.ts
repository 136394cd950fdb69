/**
 * The commands of the pages, as far as kubectl, Helm and an API server can judge them without what they are about: flags
 * by the programs themselves, and patches and annotations on the objects of the page, or else on the samples.
 */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { run } from '../../../hack/control-plane/run.ts';
import { ensureHelm } from '../../../hack/helm/helm.ts';
import { API_VERSION } from '../../../src/api/group.ts';
import { type DocCommand, docCommands, wordsOf } from '../../fixtures/doc-commands.ts';
import { kindOf, positional } from '../../fixtures/doc-kubectl.ts';
import { docYaml } from '../../fixtures/doc-yaml.ts';
import { objectsIn, type Manifest } from '../../fixtures/manifests.ts';
import { controlPlane, type TestPlane } from '../harness/control-plane.ts';
import { type KubeApi, kubeApi } from '../harness/kube-api.ts';

const ROOT = join(import.meta.dirname, '../../..');
/** `kubectl get -n x` is what `kubectl -n x get` is. */
const argsOf = (line: string): readonly string[] => {
  const [, ...args] = wordsOf(line);
  return args[0] === '-n' ? [...args.slice(2), ...args.slice(0, 2)] : args;
};
const all = docCommands();
const isOfPlugin = ([verb, what]: readonly string[]): boolean =>
  verb === 'vm' || verb === 'krew' || (verb === 'create' && what === 'vmsnapshot');
const kubectl = all
  .filter(({ line }) => line.startsWith('kubectl '))
  .map((command) => ({ ...command, args: argsOf(command.line) }))
  .filter(({ args }) => !isOfPlugin(args));

let plane: TestPlane;
let api: KubeApi;
let helm: string;
beforeAll(async () => {
  [plane, helm] = await Promise.all([
    controlPlane(),
    ensureHelm((line) => process.stderr.write(`${line}\n`)),
  ]);
  api = await kubeApi(plane.kubeconfig);
});
afterAll(() => api.close());

/** The words that decide which flags there are, and the flags: what is the same for many commands is tried once. */
const ofFlags = (args: readonly string[]): string =>
  [args[0], /^(?:create|rollout|auth)$/.test(args[0] ?? '') && args[1], ...args.filter(isFlag).toSorted()]
    .filter(Boolean)
    .map((word) => String(word).replace(/=.*/s, ''))
    .join(' ');
const isFlag = (arg: string): boolean => arg.startsWith('-') && arg !== '--';
const once = <T extends { readonly args: readonly string[] }>(commands: readonly T[]): readonly T[] => [
  ...new Map(commands.map((command) => [ofFlags(command.args), command])).values(),
];

/** `--help` as the last word prints help, after every flag before it was understood. */
const withHelp = (args: readonly string[]): readonly string[] => {
  const end = args.indexOf('--');
  return [...(end < 0 ? args : args.slice(0, end)), '--help'];
};

describe('kubectl understands', () => {
  test.each(once(kubectl))('$page: $line', async ({ args }) => {
    const { code, stderr } = await plane.kubectl(withHelp(args));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('no flag that it does not have', async () => {
    expect(await plane.kubectl(withHelp(['get', 'vm', '--wtach']))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('unknown flag: --wtach') as unknown,
    });
  });
});

describe('Helm understands', () => {
  const commands = all
    .filter(({ line }) => line.startsWith('helm '))
    .map((command) => ({ ...command, args: argsOf(command.line) }));

  test.each(once(commands))('$page: $line', async ({ args }) => {
    expect(await run(helm, withHelp(args))).toMatchObject({ code: 0 });
  });
});

const samples = globSync('deploy/samples/*.yaml', { cwd: ROOT }).flatMap((file) =>
  objectsIn(readFileSync(join(ROOT, file), 'utf8')),
);

/** The object of the page that a command names, or a sample of its kind. */
function objectOf({ page }: DocCommand, kind: string, name: string): Manifest {
  const onPage = docYaml([page])
    .filter(({ form }) => form === 'objects')
    .flatMap(({ text }) => objectsIn(text));
  const found = [
    ...onPage.filter((each) => each.kind === kind && each.metadata.name === name),
    ...samples.filter((each) => each.kind === kind),
  ][0];
  if (!found) throw new Error(`neither ${page} nor the samples have a ${kind}`);
  return found;
}

/** What `$(…)` and variables of a shell may stand for: times, in all that the pages have. */
const filledIn = (text: string): string =>
  text.replaceAll(/\$\([^)]*\)|'?\$\w+'?|REQUESTED_AT/g, '2026-03-01T12:00:00Z');

/** What a command changes, as a merge patch. */
function patchOf(args: readonly string[]): object | undefined {
  if (args[0] === 'annotate') {
    const pairs = args
      .filter((arg) => arg.includes('=') && !arg.startsWith('-'))
      .map((pair) => filledIn(pair).split('=', 2));
    return { metadata: { annotations: Object.fromEntries(pairs.map(([key = '', value]) => [key, value])) } };
  }
  const at = args.indexOf('-p');
  const isMerge = args.includes('--type=merge') || args[args.indexOf('--type') + 1] === 'merge';
  if (args[0] !== 'patch' || at < 0 || !isMerge) return undefined;
  return z.looseObject({}).parse(JSON.parse(filledIn(args[at + 1] ?? '')));
}

const changes = kubectl.flatMap(({ args, ...command }) => {
  const [resource = '', name = ''] = positional(args.slice(1));
  const kind = kindOf(resource);
  const patch = patchOf(args);
  return kind && patch && name !== '' ? [{ ...command, kind, name, patch }] : [];
});

describe('the API server accepts', () => {
  test('many changes', () => expect(changes.length).toBeGreaterThan(10));

  test.each(changes)('$page: $line', async ({ kind, name, patch, ...command }) => {
    const object = objectOf(command, kind.kind, name);
    expect(object.apiVersion).toBe(API_VERSION);
    const namespace = await plane.newNamespace('commands');
    const path = `/apis/${API_VERSION}/namespaces/${namespace}/${kind.plural}/${object.metadata.name}`;
    await api.apply(path, { ...object, metadata: { ...object.metadata, namespace } });
    expect(await api.patch(`${path}?fieldValidation=Strict`, patch)).toBe(true);
  });
});
