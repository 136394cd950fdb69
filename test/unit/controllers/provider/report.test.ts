import { describe, expect, test } from '@jest/globals';
import { haRuleNeeds } from '../../../../controllers/provider/ha-rule-needs.ts';
import { ignoredFields, reportProvider } from '../../../../controllers/provider/report.ts';
import { Provider } from '../../../../src/api/index.ts';
import { FEATURES, neededPrivileges, printNeed, type View } from '../../../../src/pve/index.ts';
import { bytes } from '../../../../src/lib/units.ts';
import { aProvider } from '../../../builders/objects.ts';
import { aNode, aStorage, aView } from '../../../builders/views.ts';

const report = (view: View) =>
  reportProvider({
    origin: 'https://pve:8006',
    user: 'virtrigaud@pve!vrtg-token',
    view,
    version: '9.0.3',
    clusterID: 'homelab/pve-1',
    missing: undefined,
  });

describe('the status of a Provider', () => {
  test('lists nodes by name and each storage once', () => {
    const view = aView({
      nodes: [aNode('pve-2', { online: false }), aNode('pve-1')],
      storages: [
        aStorage('nfs', { node: 'pve-2', status: 'unknown', shared: true, type: 'nfs' }),
        aStorage('nfs', { shared: true, type: 'nfs' }),
        aStorage(),
      ],
    });
    expect(report(view)).toMatchObject({
      nodes: [
        { name: 'pve-1', status: 'online' },
        { name: 'pve-2', status: 'offline' },
      ],
      nodeCount: 2,
      storages: [
        { name: 'local-lvm', type: 'lvmthin', shared: false, status: 'available' },
        { name: 'nfs', type: 'nfs', shared: true, status: 'available' },
      ],
      storageCount: 2,
    });
  });

  test('does not change with figures, order or time', () => {
    const [a, b] = [aNode('pve-1'), aNode('pve-2')];
    const before = aView({ nodes: [a, b] });
    const later = aView({
      nodes: [b, { ...a, memoryUsed: bytes(1) }],
      storages: [...before.storages.toReversed()],
      takenAt: 1,
    });
    expect(report(later)).toEqual(report(before));
  });

  test('is not healthy while reading fails, and leaves out what it may not know', () => {
    expect(report(aView({ staleSince: 1 })).healthy).toBe(false);
    expect(report(aView({ quorate: 'no' }))).toMatchObject({ healthy: true, quorate: false });
    expect(report(aView({ quorate: 'unknown' }))).not.toHaveProperty('quorate');
    expect(report(aView({ clusterName: undefined }))).not.toHaveProperty('clusterName');
  });

  test('of a cluster with 100 nodes and storages fits its schema and reports how many there are', () => {
    const names = Array.from({ length: 100 }, (_, n) => `n${n}`);
    const status = report(
      aView({ nodes: names.map((name) => aNode(name)), storages: names.map((name) => aStorage(name)) }),
    );
    expect(status).toMatchObject({ nodeCount: 100, storageCount: 100 });
    expect(Provider.status.parse(status)).toEqual(status);
  });
});

test('fields of a provider process are named as ignored, others are not', () => {
  expect(ignoredFields({ type: 'proxmox', runtime: { mode: 'InProcess', env: [] } })).toEqual([]);
  const [condition] = ignoredFields({
    type: 'proxmox',
    runtime: { mode: 'Remote', image: 'x', service: { port: 1 } },
  });
  expect(condition).toMatchObject({
    type: 'FieldsIgnored',
    status: 'True',
    message: expect.stringContaining('runtime.mode, runtime.image, runtime.service'),
  });
});

test('variables that are not read are named as ignored: most are misspelt', () => {
  const env = ['PVE_NODESELECTOR', 'PVE_NODE_SELECTOR', 'LOG_LEVEL'].map((name) => ({ name, value: 'x' }));
  expect(ignoredFields({ type: 'proxmox', runtime: { env } })).toEqual([
    expect.objectContaining({
      message: expect.stringContaining(': runtime.env PVE_NODESELECTOR, runtime.env LOG_LEVEL.'),
    }),
  ]);
});

test('a selector of namespaces has no effect where Namespaces may not be read, which says to list them', () => {
  const grants = [{ namespaces: { selector: { matchLabels: { team: 'a' } } } }];
  expect(ignoredFields({ type: 'proxmox', grants }, { mayReadNamespaces: true })).toEqual([]);
  expect(ignoredFields({ type: 'proxmox', grants }, { mayReadNamespaces: false })).toMatchObject([
    { type: 'FieldsIgnored', message: expect.stringContaining('List the namespaces in namespaces.names') },
  ]);
});

describe('ha.rules: Manage', () => {
  const spec = { type: 'proxmox' as const, ha: { rules: 'Manage' as const } };

  test.each([
    ['has no effect while one node is older than 9.0', spec, ['9.0', '8.4'], 1],
    ['has an effect from 9.0 on', spec, ['9.0', '9.2'], 0],
    ['is not judged before a version is known', spec, [], 0],
    ['is not missed where nobody asks for it', { type: 'proxmox' as const }, ['8.4'], 0],
  ])('%s', (_what, given, releases, count) => {
    const conditions = ignoredFields(given, { releases });
    expect(conditions).toHaveLength(count);
    if (count > 0)
      expect(conditions[0]?.message).toContain('HA rules need Proxmox VE 9.0 or newer on every node');
  });

  test('needs Sys.Console on / from 9 on, and only then', () => {
    const needed = (provider: ReturnType<typeof aProvider>, major: number) =>
      haRuleNeeds(provider, { major }).map(printNeed);
    expect(needed(aProvider(spec), 9)).toEqual(['Sys.Console on /']);
    expect(needed(aProvider(spec), 8)).toEqual([]);
    expect(needed(aProvider({ ha: { rules: 'Ignore' } }), 9)).toEqual([]);
    const usual = neededPrivileges({ major: 9, features: FEATURES }).flatMap(({ anyOf }) => anyOf);
    expect(usual).not.toContain('Sys.Console');
  });
});
