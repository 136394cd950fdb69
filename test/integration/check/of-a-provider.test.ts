import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { runCheck } from '../../../src/cmd/check/check.ts';
import type { FakePve } from '../../fakepve/index.ts';
import { controlPlane, type TestPlane } from '../harness/control-plane.ts';
import { SECRET, startScene, TOKEN } from './scene.ts';

let plane: TestPlane;
let pve: FakePve;
beforeAll(async () => {
  [plane, pve] = await Promise.all([controlPlane(), startScene()]);
});
afterAll(() => pve.close());

const apply = (...objects: readonly object[]): Promise<string> =>
  plane.succeed(['apply', '-f', '-'], { input: objects.map((each) => JSON.stringify(each)).join('\n---\n') });

const provider = (name: string, spec: object) => ({
  apiVersion: 'infra.virtrigaud.io/v1beta1',
  kind: 'Provider',
  metadata: { name },
  spec: { type: 'proxmox', ...spec },
});

const check = (name: string) => runCheck(['--provider', name, '--kubeconfig', plane.kubeconfig], {});

test('a Provider is tested with its Secret and its defaults, as the operator would use it', async () => {
  await apply(
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'pve' },
      stringData: { token_id: TOKEN, token_secret: SECRET, 'ca.crt': pve.ca },
    },
    provider('sound', { endpoint: pve.url, credentialSecretRef: { name: 'pve' } }),
    provider('spoilt', {
      endpoint: pve.url,
      credentialSecretRef: { name: 'pve' },
      defaults: { storage: 'nowhere', isoStorage: 'local-lvm' },
      nodeSelector: ['pve-9'],
    }),
    provider('bare', { endpoint: pve.url, credentialSecretRef: { name: 'missing' } }),
  );
  const sound = await check(`${plane.namespace}/sound`);
  expect(sound.out).toContain('12 checks: 0 failed, 0 with a warning.');
  expect(sound.code).toBe(0);

  const spoilt = await check('spoilt');
  expect(spoilt.out.split('\n').filter((line) => line.startsWith('FAIL'))).toEqual([
    'FAIL  nodes       pve-1, pve-2, pve-3. None of the node selector (pve-9) is online: correct it.',
    "FAIL  storage     The Provider's default storage nowhere is not among those for disks: local-lvm, nvme-storage, ssd-storage. Correct spec.defaults.storage.",
    'FAIL  iso         On pve-1, pve-2, pve-3 the storage local-lvm is not available with content "iso". VMs with user-data cannot be created there. Correct spec.defaults.isoStorage.',
  ]);

  expect((await check('bare')).out).toContain(`Secret ${plane.namespace}/missing not found.`);
  const missing = await check('missing');
  expect(missing.out).toContain(`There is no Provider "missing" in namespace "${plane.namespace}".`);
  expect(missing.code).toBe(1);
});

test('of several endpoints each is tested, and one that works is enough for the rest', async () => {
  await apply(
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'pve' },
      stringData: { token_id: TOKEN, token_secret: SECRET, 'ca.crt': pve.ca },
    },
    provider('several', {
      endpoint: 'https://127.0.0.1:9',
      endpoints: [pve.url],
      credentialSecretRef: { name: 'pve' },
    }),
  );
  const { code, out } = await check('several');
  expect(code).toBe(1);
  expect(out).toContain('FAIL  network     127.0.0.1 port 9 does not answer');
  expect(out).toContain('ok    templates   ubuntu-22-template (9000).');
});

test('an unreachable Kubernetes API is reported', async () => {
  const { code, out } = await runCheck(['--provider', 'a/b', '--kubeconfig', '/nonexistent'], {});
  expect(code).toBe(1);
  expect(out).toContain('FAIL  provider    Kubernetes: The kubeconfig could not be read');
});
