/** The admission policies, as the shared control plane has them since its start. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { API_VERSION, KINDS } from '../../../src/api/index.ts';
import { manifestFiles, readManifest } from '../../fixtures/manifests.ts';
import { controlPlane } from '../harness/control-plane.ts';
import { type KubeApi, kubeApi } from '../harness/kube-api.ts';
import { OLD_ANNOTATION, OLD_OBJECT } from '../harness/old-object.ts';
import { soon } from '../harness/soon.ts';

const specs = {
  Provider: { type: 'proxmox' },
  VMClass: { cpus: 2, memory: '4Gi' },
  VMClone: { sourceVMRef: { name: 'a' } },
  VirtualMachine: { providerRef: { name: 'a' }, classRef: { name: 'b' }, imageRef: { name: 'c' } },
} as const;

let namespace: string;
let api: KubeApi;

/** Where objects of the kind are created. */
const allOf = (kind: string): string => {
  const ours = KINDS.find((each) => each.kind === kind);
  if (ours) return `/apis/${API_VERSION}/namespaces/${namespace}/${ours.plural}`;
  return `/api/v1/namespaces/${namespace}/${kind.toLowerCase()}s`;
};
/** What comes of creating an object, which is not kept. */
const create = (kind: keyof typeof specs, annotations: Readonly<Record<string, string>>, spec = {}) =>
  api.tryOut('POST', allOf(kind), {
    body: {
      apiVersion: API_VERSION,
      kind,
      metadata: { name: 'x', annotations },
      spec: { ...specs[kind], ...spec },
    },
  });
const remove = (path: string, as?: string) => api.tryOut('DELETE', path, as === undefined ? {} : { as });
/** Something of Kubernetes itself. */
const make = (path: string, kind: string, content: object = {}) =>
  api.apply(path, { apiVersion: 'v1', kind, metadata: { name: path.split('/').at(-1) }, ...content });

const DEFINITION =
  '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/virtualmachines.infra.virtrigaud.io';

beforeAll(async () => {
  const plane = await controlPlane();
  namespace = plane.namespace;
  api = await kubeApi(plane.kubeconfig);
  // The API server takes a policy up a moment after it was stored.
  await soon(async () => {
    expect((await create('VMClass', { [OLD_ANNOTATION]: '' })).objection).toBeDefined();
    expect((await create('Provider', {}, { insecureSkipVerify: true })).warnings).not.toEqual([]);
    expect((await remove(DEFINITION)).objection).toBeDefined();
  });
});

afterAll(() => api.close());

describe('an annotation of ours', () => {
  test('that would do nothing is refused, with those that do something', async () => {
    const { objection } = await create('Provider', { 'virtrigaud.io/alow-from': '*' });
    expect(objection).toContain(
      'metadata.annotations: virtrigaud.io/alow-from would do nothing on a Provider; those that do something are virtrigaud.io/allow-from',
    );
  });

  test('is refused on a kind that it does nothing on', async () => {
    const { objection } = await create('VMClone', { 'virtrigaud.io/allow-from': '*' });
    expect(objection).toContain('would do nothing on a VMClone; none of ours does');
  });

  test.each([
    ['allow-from', 'Provider', 'team a', 'must be * or names of namespaces separated by commas'],
    ['allow-from', 'VMClass', '', 'must be * or names of namespaces separated by commas'],
    ['beside-other-clusters', 'VirtualMachine', 'yes', 'must be "true" or "false"'],
  ] as const)('%s on a %s is refused with the value "%s"', async (name, kind, value, message) => {
    const { objection } = await create(kind, { [`virtrigaud.io/${name}`]: value });
    expect(objection).toContain(`metadata.annotations: virtrigaud.io/${name} ${message}`);
  });

  test.each(['*', 'team-a', 'team-a, team-b', 'team-a,*'])('allow-from is taken as "%s"', async (value) => {
    const verdict = await create('Provider', { 'virtrigaud.io/allow-from': value });
    expect(verdict).toEqual({ objection: undefined, warnings: [] });
  });

  test('that is there from before does not hold up other changes', async () => {
    const annotate = (value: string | null) =>
      api.patch(OLD_OBJECT, { metadata: { annotations: { [OLD_ANNOTATION]: value } } });
    expect(await api.patch(OLD_OBJECT, { metadata: { labels: { still: 'writable' } } })).toBe(true);
    await expect(annotate('new')).rejects.toThrow(`${OLD_ANNOTATION} would do nothing on a VMClass`);
    expect(await annotate(null)).toBe(true);
  });
});

describe('the API server warns', () => {
  test.each([
    ['Provider', { insecureSkipVerify: true }, 'spec.insecureSkipVerify: certificates are not checked'],
    ['Provider', { endpoint: 'http://pve:8006' }, 'spec.endpoint: http is not encrypted'],
    ['Provider', { endpoints: ['http://pve:8006'] }, 'spec.endpoint: http is not encrypted'],
    ['Provider', { runtime: { mode: 'Remote' } }, 'spec.runtime: mode, image and service have no effect'],
    ['Provider', { runtime: { image: 'x' } }, 'spec.runtime: mode, image and service have no effect'],
    [
      'Provider',
      { runtime: { env: [{ name: 'PVE_NODESELECTOR', value: 'a' }] } },
      'spec.runtime.env: variables other than PVE_ENDPOINT,',
    ],
  ] as const)('about a %s with %j', async (kind, spec, message) => {
    const { objection, warnings } = await create(kind, {}, spec);
    expect(objection).toBeUndefined();
    expect(warnings.join('\n')).toContain(message);
  });

  test.each([
    ['Provider', { endpoint: 'https://pve:8006', endpoints: ['https://b:8006'], insecureSkipVerify: false }],
    ['Provider', { insecureSkipVerify: true, tls: { fingerprints: ['ab'.repeat(32)] } }],
    ['Provider', { runtime: { mode: 'InProcess', env: [{ name: 'PVE_NODE_SELECTOR', value: 'a' }] } }],
    ['VMClass', { storage: { class: 'fast', type: 'thin' } }],
  ] as const)('not about a %s with %j', async (kind, spec) => {
    expect(await create(kind, {}, spec)).toEqual({ objection: undefined, warnings: [] });
  });
});

describe('what all guests depend on', () => {
  const OPERATOR = '/api/v1/namespaces/virtrigaud-system';
  const IDENTITY = `${OPERATOR}/configmaps/virtrigaud-proxmox`;
  beforeAll(async () => {
    await make(OPERATOR, 'Namespace');
    await make(IDENTITY, 'ConfigMap', { data: { clusterId: 'cluster-1' } });
  });

  test.each([
    ['the kind', DEFINITION, 'their guests in Proxmox VE'],
    ['the namespace of the operator', OPERATOR, 'identity of this installation'],
    ['the identity', IDENTITY, 'no longer knows any of its guests'],
  ])('%s is not deleted until it is annotated', async (_what, path, consequence) => {
    const confirm = (value: string | null) =>
      api.patch(path, { metadata: { annotations: { 'virtrigaud.io/confirm-deletion': value } } });
    const { objection } = await remove(path);
    expect(objection).toContain(consequence);
    expect(objection).toContain('virtrigaud.io/confirm-deletion=true');
    await confirm('true');
    expect((await remove(path)).objection).toBeUndefined();
    await confirm(null);
  });

  test('goes with a namespace that is deleted', async () => {
    const controller = 'system:serviceaccount:kube-system:namespace-controller';
    expect((await remove(IDENTITY, controller)).objection).toBeUndefined();
  });

  test('is not what others call by the same name', async () => {
    const configMap = `/api/v1/namespaces/${namespace}/configmaps/virtrigaud-proxmox`;
    await make(configMap, 'ConfigMap');
    expect((await remove(configMap)).objection).toBeUndefined();
    expect((await remove(`/api/v1/namespaces/${namespace}`)).objection).toBeUndefined();
  });
});

const Published = z.looseObject({ kind: z.string(), metadata: z.looseObject({}) });

test.each(manifestFiles)('the published manifest %s is taken', async (file) => {
  for (const document of parseAllDocuments(readManifest(file), { version: '1.1' })) {
    const published = Published.parse(document.toJS());
    const body = { ...published, metadata: { ...published.metadata, namespace } };
    expect((await api.tryOut('POST', allOf(published.kind), { body })).objection).toBeUndefined();
  }
});
