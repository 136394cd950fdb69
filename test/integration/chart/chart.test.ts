/** The chart, as `helm` installs it on an API server of its own. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { z } from 'zod';
import { run, type Finished } from '../../../hack/control-plane/run.ts';
import { ensureHelm } from '../../../hack/helm/helm.ts';
import { KINDS, GROUP } from '../../../src/api/index.ts';
import { rbacFiles } from '../../../hack/generate/rbac.ts';
import { FULL_VALUES } from '../../fixtures/chart-values.ts';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { soon } from '../harness/soon.ts';

const CHART = join(import.meta.dirname, '../../../deploy/chart');
const NAMESPACE = 'virtrigaud-system';
const dashboard = readFileSync(join(CHART, 'files/dashboard.json'), 'utf8');

const Manifest = z.looseObject({
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), namespace: z.string().optional() }),
});
type Manifest = z.infer<typeof Manifest>;

let helm: string;
let plane: ControlPlane;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'chart-'));
  helm = await ensureHelm((line) => process.stderr.write(`${line}\n`));
  plane = await startControlPlane();
});
afterAll(async () => {
  await plane.stop();
  rmSync(folder, { recursive: true, force: true });
});

const tool = (args: readonly string[]): Promise<Finished> =>
  run(helm, args, {
    env: { ...process.env, ...plane.env, HELM_CACHE_HOME: folder, HELM_CONFIG_HOME: folder },
  });

/** A refusal fails the test with what Helm said. */
async function succeed(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await tool(args);
  if (code !== 0) throw new Error(`helm ${args.join(' ')} failed: ${stderr}`);
  return stdout;
}

let files = 0;
function valuesFile(values: object): string {
  files += 1;
  const file = join(folder, `values-${files}.yaml`);
  writeFileSync(file, stringify(values));
  return file;
}

const template = (values: object, namespace = NAMESPACE): Promise<string> =>
  succeed(['template', 'release', CHART, '--namespace', namespace, '--values', valuesFile(values)]);

const rendered = async (values: object, namespace?: string): Promise<readonly Manifest[]> =>
  parseAllDocuments(await template(values, namespace))
    .filter(({ contents }) => contents !== null)
    .map((document) => Manifest.parse(document.toJS()));

const named = (manifests: readonly Manifest[]): readonly string[] =>
  manifests.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`);

/** The environment of the container. */
const environment = (manifests: readonly Manifest[]): unknown =>
  z
    .object({
      spec: z.object({
        template: z.object({ spec: z.object({ containers: z.array(z.looseObject({ env: z.unknown() })) }) }),
      }),
    })
    .parse(manifests.find(({ kind }) => kind === 'Deployment')).spec.template.spec.containers[0]?.env;

describe('what the chart renders', () => {
  test.each([
    ['its defaults', {}],
    ['every value that does not need the Prometheus operator', FULL_VALUES],
    ['namespaces to watch', { watchNamespaces: ['default', 'kube-public'] }],
  ])('is accepted by the API server: %s', async (_, values) => {
    await plane.kubectl(['create', 'namespace', NAMESPACE]);
    const file = join(folder, 'rendered.yaml');
    writeFileSync(file, await template(values));
    const { code, stderr } = await plane.kubectl([
      ...['apply', '--server-side', '--dry-run=server', '--validate=strict', '-f', file],
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('limits the network as the component of Kustomize does', async () => {
    const specOf = (manifest: object | undefined) =>
      z.object({ spec: z.looseObject({ podSelector: z.unknown() }) }).parse(manifest).spec;
    const policy = async (networkPolicy: object) =>
      specOf((await rendered({ networkPolicy })).find(({ kind }) => kind === 'NetworkPolicy'));
    const folder = join(CHART, '../kustomize/components/network-policy');
    const component = specOf(parse(readFileSync(join(folder, 'network-policy.yaml'), 'utf8')) as object);
    expect({ ...(await policy({ enabled: true })), podSelector: component.podSelector }).toEqual(component);
    expect(await policy({ enabled: true, allowAllEgress: true })).toMatchObject({ egress: [{}] });
  });

  test('takes the environment as the document writes it, also from Secrets', async () => {
    const env = [
      { name: 'PVE_ENDPOINT', value: 'https://pve.example.com:8006' },
      {
        name: 'PVE_TOKEN_SECRET',
        valueFrom: { secretKeyRef: { name: 'proxmox-credentials', key: 'PVE_TOKEN_SECRET' } },
      },
    ];
    expect(environment(await rendered({ providers: { proxmox: { enabled: true, env } } }))).toEqual(
      expect.arrayContaining(env),
    );
  });

  test('is the CRDs and policies alone where the provider is not enabled', async () => {
    const kinds = new Set(
      (await rendered({ providers: { proxmox: { enabled: false } } })).map(({ kind }) => kind),
    );
    expect([...kinds].toSorted()).toEqual([
      'CustomResourceDefinition',
      'ValidatingAdmissionPolicy',
      'ValidatingAdmissionPolicyBinding',
    ]);
  });

  test('has the rules of the manifests that the integration tests run with', async () => {
    const rules = (manifests: readonly Manifest[]) =>
      manifests
        .filter(({ kind }) => kind === 'ClusterRole' || kind === 'Role')
        .map(({ kind, ...role }) => ({ kind, rules: role['rules'] }))
        .toSorted((a, b) => a.kind.localeCompare(b.kind));
    const base = rbacFiles().get('deploy/kustomize/base/rbac.yaml') ?? '';
    const expected = parseAllDocuments(base).map((document) => Manifest.parse(document.toJS()));
    expect(rules(await rendered({}))).toEqual(rules(expected));
  });

  test('has a Role in each watched namespace, and no ClusterRole', async () => {
    const roles = named(await rendered({ watchNamespaces: ['team-a', 'team-b'] })).filter((name) =>
      /^(Cluster)?Role /.test(name),
    );
    expect(roles).toEqual([
      'Role team-a/provider-proxmox-watched',
      'Role team-b/provider-proxmox-watched',
      `Role ${NAMESPACE}/provider-proxmox`,
    ]);
  });

  test('shares no role of the cluster with a release in another namespace', async () => {
    const cluster = async (namespace: string) =>
      named(await rendered({}, namespace)).filter((name) => name.startsWith('ClusterRole'));
    const [one, other] = [await cluster(NAMESPACE), await cluster('other')];
    expect(one).toContain('ClusterRole /provider-proxmox');
    expect(one.filter((name) => other.includes(name))).toEqual([]);
  });

  test('monitors with the token, and alerts', async () => {
    const metrics = {
      tokenSecret: 'metrics-token',
      serviceMonitor: { enabled: true, labels: { release: 'prometheus' } },
      prometheusRule: { enabled: true },
      dashboard: { enabled: true },
    };
    const manifests = await rendered({ metrics });
    expect(manifests).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          kind: 'ServiceMonitor',
          spec: expect.objectContaining({
            endpoints: [
              {
                port: 'metrics',
                interval: '30s',
                authorization: { credentials: { name: 'metrics-token', key: 'token' } },
              },
            ],
          }),
        }),
        expect.objectContaining({ kind: 'PrometheusRule' }),
        expect.objectContaining({
          kind: 'ConfigMap',
          metadata: expect.objectContaining({ labels: expect.objectContaining({ grafana_dashboard: '1' }) }),
          // Braces in it are of Grafana, not of Helm.
          data: { 'virtrigaud-proxmox.json': dashboard.trim() },
        }),
      ]),
    );
  });

  test.each([
    [
      'an unknown key',
      { providers: { proxmox: { enable: true } } },
      "additional properties 'enable' not allowed",
    ],
    [
      'an address without a prefix',
      { networkPolicy: { proxmoxCIDRs: ['10.0.0.1'] } },
      'does not match pattern',
    ],
    [
      'a ServiceMonitor without its Service',
      { metrics: { service: { enabled: false }, serviceMonitor: { enabled: true } } },
      'metrics.serviceMonitor.enabled needs metrics.service.enabled',
    ],
  ])('is nothing where the values have %s', async (_, values, message) => {
    const { code, stderr } = await tool(['template', 'release', CHART, '--values', valuesFile(values)]);
    expect(code).not.toBe(0);
    expect(stderr).toContain(message);
  });

  test('passes the checks of Helm', async () => {
    expect(await succeed(['lint', '--strict', CHART])).toContain('0 chart(s) failed');
  });
});

test('a release is installed, upgraded, rolled back and uninstalled; CRDs and objects stay', async () => {
  const release = ['release', CHART, '--namespace', NAMESPACE] as const;
  const replicas = async () =>
    (
      await plane.kubectl([
        'get',
        'deployment',
        'provider-proxmox',
        '-n',
        NAMESPACE,
        '-o',
        'jsonpath={.spec.replicas}',
      ])
    ).stdout;
  const objects = async () =>
    (await plane.kubectl(['get', 'vmclass', '-n', 'default', '-o', 'name'])).stdout.trim();

  const notes = await succeed(['install', ...release, '--create-namespace', '--set', 'clusterID=homelab']);
  const nextStep = /<<EOF\n([^]*?)\nEOF\n/.exec(notes)?.[1] ?? '';
  expect(notes).toContain('The image virtrigaud-proxmox names no registry');
  expect(await replicas()).toBe('2');
  await plane.kubectl([
    'wait',
    '--for=condition=Established',
    ...KINDS.map(({ plural }) => `crd/${plural}.${GROUP}`),
  ]);
  expect(
    await plane.kubectl(['create', '--dry-run=server', '-n', 'default', '-f', '-'], { input: nextStep }),
  ).toMatchObject({ code: 0 });
  const samples = join(import.meta.dirname, '../../../deploy/samples/07-vmclass-small.yaml');
  expect(await plane.kubectl(['apply', '-n', 'default', '-f', samples])).toMatchObject({ code: 0 });
  const vmclass = await objects();
  expect(vmclass).not.toBe('');

  await succeed(['upgrade', ...release, '--set', 'clusterID=homelab,providers.proxmox.replicas=1']);
  expect(await replicas()).toBe('1');
  expect(await objects()).toBe(vmclass);

  await succeed(['rollback', 'release', '1', '--namespace', NAMESPACE]);
  expect(await replicas()).toBe('2');

  await succeed(['uninstall', 'release', '--namespace', NAMESPACE]);
  expect(await plane.kubectl(['get', 'deployment', 'provider-proxmox', '-n', NAMESPACE])).toMatchObject({
    code: 1,
  });
  expect(await objects()).toBe(vmclass);

  // The same values from Git bring the same identity back, and take over the CRDs that stayed.
  await succeed(['install', ...release, '--set', 'clusterID=homelab']);
  expect(await objects()).toBe(vmclass);
  const { stdout } = await plane.kubectl([
    'get',
    'deployment',
    'provider-proxmox',
    '-n',
    NAMESPACE,
    '-o',
    'yaml',
  ]);
  expect(JSON.stringify(parse(stdout))).toContain('"name":"CLUSTER_ID","value":"homelab"');
});

test('CRDs that are not to be kept stay as long as nobody confirmed that, however often the release is uninstalled', async () => {
  const uninstall = () => tool(['uninstall', 'release', '--namespace', NAMESPACE]);
  const crds = () =>
    plane.kubectl([
      'get',
      '--ignore-not-found',
      '-o',
      'name',
      ...KINDS.map(({ plural }) => `crd/${plural}.${GROUP}`),
    ]);
  await succeed([
    ...['upgrade', '--install', 'release', CHART, '--namespace', NAMESPACE, '--create-namespace'],
    ...['--set', 'crds.keep=false'],
  ]);
  const before = (await crds()).stdout;
  expect(before).not.toBe('');
  expect(await uninstall()).toMatchObject({ code: 1 });
  expect(await uninstall()).toMatchObject({ code: 1 });
  expect((await crds()).stdout).toBe(before);
  // The operator is gone by then, and whoever wants it back has one way.
  const operator = () => plane.kubectl(['get', 'deployment', 'provider-proxmox', '-n', NAMESPACE]);
  expect(await operator()).toMatchObject({ code: 1 });
  const [last] = z
    .array(z.object({ revision: z.number() }))
    .parse(
      JSON.parse(await succeed(['history', 'release', '--namespace', NAMESPACE, '--max', '1', '-o', 'json'])),
    );
  await succeed(['rollback', 'release', String(last?.revision), '--namespace', NAMESPACE]);
  expect(await operator()).toMatchObject({ code: 0 });

  await plane.kubectl(['annotate', ...before.trim().split('\n'), 'virtrigaud.io/confirm-deletion=true']);
  expect(await uninstall()).toMatchObject({ code: 0 });
  await soon(async () => expect((await crds()).stdout).toBe(''));
});
