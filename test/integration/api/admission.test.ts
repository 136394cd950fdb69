import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { API_VERSION } from '../../../src/api/index.ts';
import { manifestFiles, readManifest } from '../../fixtures/manifests.ts';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';

const root = join(import.meta.dirname, '../../..');
const crds = join(root, 'crds');
const policies = join(root, 'deploy/kustomize/base/admission.yaml');

const specs = {
  Provider: { type: 'proxmox' },
  VMClass: { cpus: 2, memory: '4Gi' },
  VMClone: { sourceVMRef: { name: 'a' } },
  VirtualMachine: { providerRef: { name: 'a' }, classRef: { name: 'b' }, imageRef: { name: 'c' } },
} as const;

let plane: ControlPlane;

async function succeed(args: readonly string[], input?: string): Promise<void> {
  const { code, stderr } = await plane.kubectl(args, { input });
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')} failed: ${stderr.trim()}`);
}

const object = (kind: keyof typeof specs, annotations: Readonly<Record<string, string>>, spec = {}) =>
  JSON.stringify({
    apiVersion: API_VERSION,
    kind,
    metadata: { name: 'x', annotations },
    spec: { ...specs[kind], ...spec },
  });
const create = (input: string) => plane.kubectl(['create', '--dry-run=server', '-f', '-'], { input });

const VMS = 'virtualmachines.infra.virtrigaud.io';
const remove = (...args: readonly string[]) => plane.kubectl(['delete', '--dry-run=server', ...args]);

beforeAll(async () => {
  // A control plane of its own: one object here is created before the policies are in force.
  plane = await startControlPlane();
  await succeed(['apply', '--server-side', '-f', crds]);
  await succeed(['wait', '--for=condition=Established', '--timeout=60s', '-f', crds]);
  const old = object('VMClass', { 'virtrigaud.io/typo': 'from before' }).replace('"x"', '"old"');
  await succeed(['create', '-f', '-'], old);
  await succeed(['apply', '-f', policies]);
  // The API server takes a policy up a moment after it was stored.
  for (let tries = 0; tries < 100; tries += 1) {
    const denied = await create(object('VMClass', { 'virtrigaud.io/typo': '' }));
    const aboutProviders = await create(object('Provider', {}, { insecureSkipVerify: true }));
    const deletion = await remove('crd', VMS);
    if (denied.code !== 0 && aboutProviders.stderr !== '' && deletion.code !== 0) return;
    await sleep(200);
  }
  throw new Error('the policies do not come into force');
});

afterAll(() => plane.stop());

describe('an annotation of ours', () => {
  test('that would do nothing is refused, with those that do something', async () => {
    const { stderr } = await create(object('Provider', { 'virtrigaud.io/alow-from': '*' }));
    expect(stderr).toContain(
      'metadata.annotations: virtrigaud.io/alow-from would do nothing on a Provider; those that do something are virtrigaud.io/allow-from',
    );
  });

  test('is refused on a kind that it does nothing on', async () => {
    const { stderr } = await create(object('VMClone', { 'virtrigaud.io/allow-from': '*' }));
    expect(stderr).toContain('would do nothing on a VMClone; none of ours does');
  });

  test.each([
    ['allow-from', 'Provider', 'team a', 'must be * or names of namespaces separated by commas'],
    ['allow-from', 'VMClass', '', 'must be * or names of namespaces separated by commas'],
    ['beside-other-clusters', 'VirtualMachine', 'yes', 'must be "true" or "false"'],
  ] as const)('%s on a %s is refused with the value "%s"', async (name, kind, value, message) => {
    const { stderr } = await create(object(kind, { [`virtrigaud.io/${name}`]: value }));
    expect(stderr).toContain(`metadata.annotations: virtrigaud.io/${name} ${message}`);
  });

  test.each(['*', 'team-a', 'team-a, team-b', 'team-a,*'])('allow-from is taken as "%s"', async (value) => {
    expect((await create(object('Provider', { 'virtrigaud.io/allow-from': value }))).stderr).toBe('');
  });

  test('that is there from before does not hold up other changes', async () => {
    await succeed(['label', 'vmclass', 'old', 'still=writable']);
    const changed = await plane.kubectl([
      ...['annotate', 'vmclass', 'old', '--overwrite', 'virtrigaud.io/typo=new'],
    ]);
    expect(changed.stderr).toContain('virtrigaud.io/typo would do nothing on a VMClass');
    await succeed(['annotate', 'vmclass', 'old', 'virtrigaud.io/typo-']);
  });
});

describe('kubectl warns', () => {
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
    const { code, stderr } = await create(object(kind, {}, spec));
    expect(code).toBe(0);
    expect(stderr).toContain('Warning: ');
    expect(stderr).toContain(message);
  });

  test.each([
    ['Provider', { endpoint: 'https://pve:8006', endpoints: ['https://b:8006'], insecureSkipVerify: false }],
    ['Provider', { insecureSkipVerify: true, tls: { fingerprints: ['ab'.repeat(32)] } }],
    ['Provider', { runtime: { mode: 'InProcess', env: [{ name: 'PVE_NODE_SELECTOR', value: 'a' }] } }],
    ['VMClass', { storage: { class: 'fast', type: 'thin' } }],
  ] as const)('not about a %s with %j', async (kind, spec) => {
    expect(await create(object(kind, {}, spec))).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('what all guests depend on', () => {
  const IDENTITY = ['configmap', 'virtrigaud-proxmox', '-n', 'virtrigaud-system'] as const;
  beforeAll(async () => {
    await succeed(['create', 'namespace', 'virtrigaud-system']);
    await succeed(['create', ...IDENTITY, '--from-literal=clusterId=cluster-1']);
  });

  test.each([
    [['crd', VMS], 'their guests in Proxmox VE'],
    [['namespace', 'virtrigaud-system'], 'identity of this installation'],
    [IDENTITY, 'no longer knows any of its guests'],
  ] as const)('%j is not deleted until it is annotated', async (which, consequence) => {
    const { code, stderr } = await remove(...which);
    expect(code).not.toBe(0);
    expect(stderr).toContain(consequence);
    expect(stderr).toContain('virtrigaud.io/confirm-deletion=true');
    await succeed(['annotate', ...which, 'virtrigaud.io/confirm-deletion=true']);
    expect(await remove(...which)).toMatchObject({ code: 0 });
    await succeed(['annotate', ...which, 'virtrigaud.io/confirm-deletion-']);
  });

  test('goes with a namespace that is deleted', async () => {
    expect(
      await remove(...IDENTITY, '--as=system:serviceaccount:kube-system:namespace-controller'),
    ).toMatchObject({ code: 0 });
  });

  test('is not what others call by the same name', async () => {
    await succeed(['create', 'configmap', 'virtrigaud-proxmox']);
    expect(await remove('configmap', 'virtrigaud-proxmox')).toMatchObject({ code: 0 });
    await succeed(['create', 'namespace', 'another']);
    expect(await remove('namespace', 'another')).toMatchObject({ code: 0 });
  });
});

test.each(manifestFiles)('the published manifest %s is taken', async (file) => {
  const namespace = `of-${file.replace('.yaml', '')}`;
  await succeed(['create', 'namespace', namespace]);
  const text = readManifest(file).replaceAll(/^( +namespace:) .*$/gm, `$1 ${namespace}`);
  await succeed(['apply', '--dry-run=server', '-n', namespace, '-f', '-'], text);
});
