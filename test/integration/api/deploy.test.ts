import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { KINDS } from '../../../src/api/index.ts';
import { controlPlane, type TestPlane } from '../harness/control-plane.ts';

const deploy = join(import.meta.dirname, '../../../deploy');
const account = 'system:serviceaccount:virtrigaud-system:provider-proxmox';

let plane: TestPlane;
beforeAll(async () => {
  plane = await controlPlane();
  await plane.succeed(['apply', '-k', join(deploy, 'kustomize/base')]);
});

const may = async (...args: readonly string[]): Promise<boolean> =>
  (await plane.kubectl(['auth', 'can-i', ...args, `--as=${account}`])).stdout.trim() === 'yes';

describe('the operator’s ServiceAccount', () => {
  test.each(KINDS)('may follow and patch $kind, and write its status', async ({ plural }) => {
    for (const verb of ['get', 'list', 'watch', 'patch']) expect(await may(verb, plural)).toBe(true);
    expect(await may('patch', plural, '--subresource=status')).toBe(true);
    expect(await may('delete', plural)).toBe(false);
  });

  test('may read a Secret by name, but neither list nor change Secrets', async () => {
    expect(await may('get', 'secrets')).toBe(true);
    for (const verb of ['list', 'watch', 'create', 'patch', 'delete'])
      expect(await may(verb, 'secrets')).toBe(false);
  });

  test('may keep Secrets in its own namespace only, and watches none', async () => {
    for (const verb of ['get', 'list', 'create', 'update', 'delete'])
      expect(await may(verb, 'secrets', '-n', 'virtrigaud-system')).toBe(true);
    for (const verb of ['watch', 'patch'])
      expect(await may(verb, 'secrets', '-n', 'virtrigaud-system')).toBe(false);
  });

  test('may hold a Lease in its own namespace only', async () => {
    expect(await may('update', 'leases', '-n', 'virtrigaud-system')).toBe(true);
    expect(await may('update', 'leases', '-n', 'default')).toBe(false);
  });
});

describe('the samples', () => {
  const samples = join(deploy, 'samples');
  test.each(readdirSync(samples).filter((file) => file.endsWith('.yaml')))('%s is accepted', async (file) => {
    await plane.succeed(['apply', '-f', join(samples, file)]);
  });
});
