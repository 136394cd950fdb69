import { describe, expect, test } from '@jest/globals';
import {
  judgeBridges,
  judgeIsoStorage,
  judgeMixedVersions,
  judgeNodes,
  judgeQuorum,
  judgeStorage,
  judgeTemplates,
  judgeVersion,
} from '../../../../src/cmd/check/judge.ts';
import { nodeName } from '../../../../src/lib/units.ts';
import type { StorageView, View } from '../../../../src/pve/index.ts';

const node = (name: string, online = true): View['nodes'][number] =>
  ({ name: nodeName(name), online, cpus: 4, memory: 0, memoryUsed: 0 }) as View['nodes'][number];

const storage = (at: string, id: string, content: string[], change: Partial<StorageView> = {}): StorageView =>
  ({
    node: nodeName(at),
    storage: id,
    status: 'available',
    type: 'dir',
    content,
    shared: false,
    ...change,
  }) as StorageView;

const view = (change: Partial<View> = {}): View => ({
  takenAt: 0,
  staleSince: undefined,
  clusterName: 'demo',
  quorate: 'yes',
  nodes: [node('a'), node('b')],
  guests: new Map(),
  storages: [],
  activeTasks: [],
  ...change,
});

test.each([
  ['10.0', 'ok', ''],
  ['9.2', 'ok', ''],
  ['8.0', 'ok', ''],
  ['7.4', 'warn', 'before 8.0 the cloud-init drive'],
  ['7.0', 'warn', 'before 7.2 VMs get no TPM'],
  ['6.4', 'fail', '7.0 or newer'],
])('Proxmox VE %s is %s', (release, level, todo) => {
  const finding = judgeVersion({
    version: `${release}-1`,
    release,
    major: Number.parseInt(release, 10),
  });
  expect(finding).toMatchObject({ level, found: `Proxmox VE ${release}-1.` });
  expect(finding.todo ?? '').toContain(todo);
});

test('nodes of different versions are a warning that names them', () => {
  expect(
    judgeMixedVersions(
      new Map([
        ['b', '8.4'],
        ['a', '8.4'],
      ]),
    ),
  ).toBeUndefined();
  expect(
    judgeMixedVersions(
      new Map([
        ['b', '8.4'],
        ['a', '9.0'],
      ]),
    ),
  ).toMatchObject({
    level: 'warn',
    found: 'The nodes run different versions: a 9.0, b 8.4.',
  });
});

test('quorum that may not be seen is a warning, no quorum a failure', () => {
  expect(judgeQuorum(view()).level).toBe('ok');
  expect(judgeQuorum(view({ quorate: 'unknown', clusterName: undefined })).level).toBe('warn');
  expect(judgeQuorum(view({ quorate: 'no' })).level).toBe('fail');
});

describe('nodes', () => {
  test('that are offline are a warning, unless none is left', () => {
    expect(judgeNodes(view({ nodes: [node('a'), node('b', false)] }), [])).toMatchObject({
      level: 'warn',
      found: 'a, b (offline).',
    });
    expect(judgeNodes(view({ nodes: [node('a', false)] }), []).level).toBe('fail');
    expect(judgeNodes(view({ nodes: [node('a'), node('b', false)] }), ['b']).level).toBe('fail');
  });

  test('in maintenance of HA are a warning', () => {
    const nodes = [node('a'), { ...node('b'), hastate: 'maintenance' }];
    expect(judgeNodes(view({ nodes }), [])).toMatchObject({ level: 'warn', found: 'a, b (maintenance).' });
  });

  test('of the selector that do not exist are a warning', () => {
    expect(judgeNodes(view(), ['a', 'z'])).toMatchObject({
      level: 'warn',
      todo: 'The node selector names what does not exist: z.',
    });
  });

  test('that are not seen at all are a failure', () => {
    expect(judgeNodes(view({ nodes: [] }), []).level).toBe('fail');
  });
});

describe('storages', () => {
  test('for disks are wanted on each node that is online', () => {
    const storages = [storage('a', 'local', ['images'])];
    expect(judgeStorage(view({ storages }), undefined)).toMatchObject({
      level: 'warn',
      todo: 'None on b: no VM can be created there.',
    });
    const alone = view({ storages, nodes: [node('a'), node('b', false)] });
    expect(judgeStorage(alone, undefined).level).toBe('ok');
    expect(judgeStorage(alone, 'fast').level).toBe('fail');
  });

  test('that are not available do not count', () => {
    const storages = [storage('a', 'local', ['images', 'iso'], { status: 'unknown' })];
    expect(judgeStorage(view({ storages }), undefined).level).toBe('fail');
    expect(judgeIsoStorage(view({ storages }), undefined).level).toBe('fail');
  });

  test('for images are made of directories that keep what they have', () => {
    const storages = [
      storage('a', 'shared', ['iso']),
      storage('b', 'thin', ['images'], { type: 'lvmthin' }),
      storage('b', 'local', ['backup', 'vztmpl']),
    ];
    expect(judgeIsoStorage(view({ storages }), undefined)).toMatchObject({
      level: 'warn',
      found: 'On b there is no available storage with content "iso".',
      commands: ['pvesm set local --content backup,iso,vztmpl'],
    });
  });

  test('for images that the Provider chose are the only ones that count', () => {
    const storages = [storage('a', 'local', ['iso']), storage('b', 'local', ['iso'])];
    expect(judgeIsoStorage(view({ storages }), 'local').level).toBe('ok');
    expect(judgeIsoStorage(view({ storages }), 'other')).toMatchObject({ level: 'fail' });
  });
});

describe('bridges', () => {
  const all = ['vmbr0', 'vmbr1', 'vmbr2'];

  test('are those that names of networks stand for, and the default of the Provider', () => {
    expect(judgeBridges(new Map([['a', all]]), undefined).level).toBe('ok');
    expect(judgeBridges(new Map([['a', all]]), 'vmbr7')).toMatchObject({
      level: 'warn',
      todo: expect.stringContaining('vmbr7 (network default) on a'),
    });
  });

  test('that are on some nodes only are named with the nodes that lack them', () => {
    const bridges = new Map([
      ['b', ['vmbr0', 'vmbr1']],
      ['a', all],
    ]);
    expect(judgeBridges(bridges, undefined)).toMatchObject({
      level: 'warn',
      found: 'vmbr0, vmbr1, vmbr2.',
      todo: expect.stringContaining('vmbr2 (network mgmt) on b.'),
    });
  });
});

test('of many templates ten are named', () => {
  const guests = new Map(
    Array.from({ length: 12 }, (_, n) => [
      n,
      { vmid: 100 + n, type: 'qemu', template: true, name: `t${n}`, node: 'a', status: 'stopped' },
    ]),
  ) as unknown as View['guests'];
  expect(judgeTemplates(view({ guests })).found).toMatch(/^t0 \(100\), .* and 2 more\.$/);
  expect(judgeTemplates(view()).level).toBe('warn');
});
