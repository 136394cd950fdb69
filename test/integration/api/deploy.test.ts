import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { REFERENCE_FIELDS, type ReferenceField } from '../../../hack/generate/kustomize-references.ts';
import { GROUP, KINDS, VERSION, VirtualMachine, VMSnapshot } from '../../../src/api/index.ts';
import { controlPlane, type TestPlane } from '../harness/control-plane.ts';
import { type KubeApi, kubeApi } from '../harness/kube-api.ts';
import { mayServiceAccount } from '../harness/rights.ts';

const deploy = join(import.meta.dirname, '../../../deploy');
const NAMESPACE = 'virtrigaud-system';

let plane: TestPlane;
let api: KubeApi;
beforeAll(async () => {
  plane = await controlPlane();
  api = await kubeApi(plane.kubeconfig);
  await plane.succeed(['apply', '-k', join(deploy, 'kustomize/base')]);
});
afterAll(() => api.close());

const may = (verb: string, what: string, { group = '', namespace = plane.namespace } = {}) =>
  mayServiceAccount(
    api,
    { namespace: NAMESPACE, name: 'provider-proxmox' },
    { verb, what, group, namespace },
  );

describe('the operator’s ServiceAccount', () => {
  test.each(KINDS)('may follow and patch $kind, and write its status', async ({ plural }) => {
    const ours = { group: GROUP };
    for (const verb of ['get', 'list', 'watch', 'patch']) expect(await may(verb, plural, ours)).toBe(true);
    expect(await may('patch', `${plural}/status`, ours)).toBe(true);
    // Schedules make VMSnapshots and prune them, and VMClones make VirtualMachines.
    const made = plural === VMSnapshot.plural || plural === VirtualMachine.plural;
    expect(await may('create', plural, ours)).toBe(made);
    expect(await may('delete', plural, ours)).toBe(plural === VMSnapshot.plural);
  });

  test('may read a Secret by name, but neither list nor change Secrets', async () => {
    expect(await may('get', 'secrets')).toBe(true);
    for (const verb of ['list', 'watch', 'create', 'patch', 'delete'])
      expect(await may(verb, 'secrets')).toBe(false);
  });

  test('may keep Secrets in its own namespace only, and watches none', async () => {
    const own = { namespace: NAMESPACE };
    for (const verb of ['get', 'list', 'create', 'update', 'delete'])
      expect(await may(verb, 'secrets', own)).toBe(true);
    for (const verb of ['watch', 'patch']) expect(await may(verb, 'secrets', own)).toBe(false);
  });

  test('may hold a Lease in its own namespace only', async () => {
    const group = 'coordination.k8s.io';
    expect(await may('update', 'leases', { group, namespace: NAMESPACE })).toBe(true);
    expect(await may('update', 'leases', { group, namespace: 'default' })).toBe(false);
  });
});

/** Fields that do not exist are refused, and nothing is written. */
const DRY_RUN = ['apply', '--server-side', '--force-conflicts', '--dry-run=server', '--validate=strict'];

const documents = (text: string) =>
  parseAllDocuments(text).map((document) =>
    z.looseObject({ kind: z.string(), metadata: z.looseObject({ name: z.string() }) }).parse(document.toJS()),
  );

describe('deploy/install.yaml', () => {
  const install = join(deploy, 'install.yaml');

  test('is accepted by the API server', async () => {
    await plane.succeed([...DRY_RUN, '-f', install]);
  });

  test('is the CRDs and what Kustomize makes of the base', async () => {
    const built = documents(await plane.succeed(['kustomize', join(deploy, 'kustomize/base')]));
    const all = documents(readFileSync(install, 'utf8'));
    const isCrd = ({ kind }: { kind: string }) => kind === 'CustomResourceDefinition';
    expect(all.filter(isCrd)).toHaveLength(KINDS.length);
    const others = all.filter((each) => !isCrd(each));
    expect(others).toHaveLength(built.length);
    expect(others).toEqual(expect.arrayContaining(built));
  });
});

describe('what Kustomize makes of', () => {
  /** A kustomization with the base and one of our components. */
  function withComponent(name: string): string {
    const folder = mkdtempSync(join(tmpdir(), 'kustomize-'));
    symlinkSync(join(deploy, 'kustomize'), join(folder, 'ours'));
    writeFileSync(
      join(folder, 'kustomization.yaml'),
      JSON.stringify({ resources: ['ours/base'], components: [`ours/${name}`] }),
    );
    return folder;
  }

  test.each([
    ['namespaced', () => join(deploy, 'kustomize/namespaced')],
    ['watched-namespace', () => join(deploy, 'kustomize/watched-namespace')],
    ['development', () => join(deploy, 'kustomize/development')],
    ['the overlay for kind', () => join(deploy, '../hack/kind')],
    ['components/network-policy', () => withComponent('components/network-policy')],
    ['metrics-token', () => withComponent('metrics-token')],
  ])('%s is accepted by the API server', async (_name, folder) => {
    const text = await plane.succeed(['kustomize', folder()]);
    await plane.succeed([...DRY_RUN, '-f', '-'], { input: text });
  });

  test('development: the NetworkPolicy is for its Pods, and leaves the way to the metrics open', async () => {
    const all = documents(await plane.succeed(['kustomize', join(deploy, 'kustomize/development')]));
    const of = (kind: string) => all.find((each) => each.kind === kind);
    const labels = z
      .object({ spec: z.object({ template: z.object({ metadata: z.object({ labels: z.unknown() }) }) }) })
      .parse(of('Deployment')).spec.template.metadata.labels;
    const { podSelector, policyTypes } = z
      .object({
        spec: z.object({
          podSelector: z.object({ matchLabels: z.record(z.string(), z.string()) }),
          policyTypes: z.array(z.string()),
        }),
      })
      .parse(of('NetworkPolicy')).spec;
    expect(labels).toMatchObject(podSelector.matchLabels);
    expect(policyTypes).toEqual(['Egress']);
  });
});

describe('the health checks for Flux', () => {
  /** Refused if an expression is none for cel-go, which is what Flux evaluates them with. */
  const compiled = (expressions: readonly string[]) =>
    plane.kubectl(['apply', '--dry-run=server', '-f', '-'], {
      input: JSON.stringify({
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'ValidatingAdmissionPolicy',
        metadata: { name: 'health-checks' },
        spec: {
          matchConstraints: {
            resourceRules: [
              { apiGroups: [GROUP], apiVersions: [VERSION], resources: ['*'], operations: ['UPDATE'] },
            ],
          },
          // What Flux calls status is object.status here.
          validations: expressions.map((expression) => ({
            expression: expression.replaceAll(/\bstatus\.conditions/g, 'object.status.conditions'),
          })),
        },
      }),
    });

  test('compile in the API server', async () => {
    const text = readFileSync(join(deploy, 'flux/kustomizations.yaml'), 'utf8');
    const Check = z.looseObject({ inProgress: z.string(), failed: z.string(), current: z.string() });
    const checks = documents(text).flatMap(
      ({ spec }) => z.object({ healthCheckExprs: z.array(Check).default([]) }).parse(spec).healthCheckExprs,
    );
    const expressions = checks.flatMap(({ inProgress, failed, current }) => [inProgress, failed, current]);
    expect(expressions).toHaveLength(3);
    expect(await compiled(expressions)).toMatchObject({ code: 0 });
    expect(await compiled(['status.conditions.exists(c, c.type = 1)'])).toMatchObject({ code: 1 });
  });
});

describe('the samples', () => {
  const samples = join(deploy, 'samples');
  test.each(readdirSync(samples).filter((file) => file.endsWith('.yaml')))('%s is accepted', async (file) => {
    await plane.succeed(['apply', '-f', join(samples, file)]);
  });
});

describe('the Kustomize component for references', () => {
  const TARGET = 'target';

  /** An object with this field alone. Kustomize passes through lists, so nothing needs one. */
  function referring({ kind, path }: ReferenceField, index: number): object {
    const nested = path
      .replace(/\/name$/, '')
      .split('/')
      .reduceRight<object>((value, name) => ({ [name]: value }), { name: TARGET });
    return { apiVersion: `${GROUP}/${VERSION}`, kind, metadata: { name: `referrer-${index}` }, ...nested };
  }

  const targets = [...new Set(REFERENCE_FIELDS.map(({ target }) => target))].map(
    ({ kind, group, version }) => ({
      apiVersion: group === undefined ? version : `${group}/${version}`,
      kind,
      metadata: { name: TARGET },
    }),
  );

  /** What `kubectl kustomize` makes of the objects, with a prefix for all names. */
  async function built(objects: readonly object[], component: boolean) {
    const folder = mkdtempSync(join(tmpdir(), 'kustomize-'));
    const write = (file: string, content: object): void =>
      writeFileSync(join(folder, file), JSON.stringify(content));
    try {
      mkdirSync(join(folder, 'base'));
      write('base/objects.json', { apiVersion: 'v1', kind: 'List', items: objects });
      write('base/kustomization.yaml', { resources: ['objects.json'] });
      symlinkSync(join(deploy, 'kustomize/components/references'), join(folder, 'references'));
      write('kustomization.yaml', {
        resources: ['base'],
        namePrefix: 'prod-',
        ...(component && { components: ['references'] }),
      });
      const text = await plane.succeed(['kustomize', folder]);
      return parseAllDocuments(text).map((document) => z.looseObject({}).parse(document.toJS()));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  const namesIn = (value: unknown): string[] =>
    typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([key, inner]) =>
          key === 'name' && typeof inner === 'string' ? [inner] : namesIn(inner),
        )
      : [];

  const referrers = REFERENCE_FIELDS.map(referring);

  test.each([
    [true, 'prod-target'],
    // Without it the names no longer fit, so that the component is needed.
    [false, 'target'],
  ])('makes a prefix reach every field that names an object: %s', async (component, expected) => {
    const objects = await built([...targets, ...referrers], component);
    const specs = objects.flatMap(({ spec }) => (spec === undefined ? [] : [namesIn(spec)]));
    expect(specs).toEqual(REFERENCE_FIELDS.map(() => [expected]));
  });
});
