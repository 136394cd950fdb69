/** On which nodes templates of a download are made. */
import { describe, expect, test } from '@jest/globals';
import type { Choice } from '../../../../../controllers/shared/placement/image-places.ts';
import type { Entries } from '../../../../../controllers/vmimage/download/model.ts';
import { sitesOf } from '../../../../../controllers/vmimage/download/sites.ts';
import { nodeName, vmid } from '../../../../../src/lib/units.ts';
import fc from '../../../../builders/fast-check.ts';
import { aNode, aStorage, aView } from '../../../../builders/views.ts';

const FILE = 'virtrigaud-new.qcow2';
const NODES = ['pve-1', 'pve-2', 'pve-3', 'pve-4', 'pve-5', 'pve-6'] as const;
type Replicate = 'All' | 'OnDemand';

const choice = (
  demands: Choice['demands'] = [],
  { shared = false, replicate = 'OnDemand' }: { shared?: boolean; replicate?: Replicate } = {},
  nodes: readonly string[] = NODES.slice(0, 3),
): Choice => ({
  spec: { download: { url: 'https://images.example/a.qcow2', replicate } },
  view: aView({
    nodes: nodes.map((node) => aNode(node)),
    storages: nodes.flatMap((node) => [
      aStorage('local', { node, type: 'dir', content: ['import'] }),
      aStorage('disks', { node, shared }),
    ]),
  }),
  grant: {},
  nodeSelector: [],
  defaultStorage: 'disks',
  demands,
});

const AT = '2026-01-01T00:00:00Z';
const template = (
  node: string,
  state: 'Reserved' | 'Ready' | 'Deleting' = 'Ready',
  file = FILE,
): Entries['templates'][number] => ({
  provider: 'default/pve',
  node: nodeName(node),
  storage: 'disks',
  vmid: vmid(100 + Number(node.slice(4))),
  file,
  state,
  at: AT,
});
const download = (node: string): Entries['downloads'][number] => ({
  provider: 'default/pve',
  node: nodeName(node),
  storage: 'local',
  volume: `local:import/${FILE}`,
  state: 'Downloading',
  at: AT,
});
const NONE: Entries = { downloads: [], templates: [] };
const has = (...templates: Entries['templates']): Entries => ({ downloads: [], templates });

const wanted = (of: Choice, own: Entries = NONE): readonly (string | undefined)[] =>
  sitesOf(of, own, { file: FILE, isNeeded: true }).flatMap(({ node, isWanted }) => (isWanted ? [node] : []));

describe('a template is made', () => {
  test('on one node if VMs may be on any, and on no other once it is begun', () => {
    expect(wanted(choice([{}]))).toHaveLength(1);
    expect(wanted(choice([{}]), { downloads: [download('pve-2')], templates: [] })).toEqual([]);
    expect(wanted(choice([{}]), has(template('pve-2', 'Reserved')))).toEqual([]);
    expect(wanted(choice([{}]), has(template('pve-2')))).toEqual([]);
  });

  test('on each node that a VM waits for, where it is not yet', () => {
    const demands = [{ node: 'pve-1' }, { node: 'pve-3' }, {}];
    expect(wanted(choice(demands))).toEqual(['pve-1', 'pve-3']);
    expect(wanted(choice(demands), has(template('pve-1')))).toEqual(['pve-3']);
  });

  test('where one of a former file is, or one that is being destroyed, as if there were none', () => {
    const demands = [{ node: 'pve-1' }];
    expect(wanted(choice(demands), has(template('pve-1', 'Ready', 'old.qcow2')))).toEqual(['pve-1']);
    expect(wanted(choice(demands), has(template('pve-1', 'Deleting')))).toEqual(['pve-1']);
  });

  test('on all nodes with replicate: All', () =>
    expect(wanted(choice([], { replicate: 'All' }), has(template('pve-2')))).toEqual(['pve-1', 'pve-3']));

  test('once for all nodes on shared storage', () => {
    const demands = NODES.slice(0, 3).map((node) => ({ node }));
    for (const replicate of ['All', 'OnDemand'] as const) {
      const shared = choice(demands, { shared: true, replicate });
      expect(wanted(shared)).toHaveLength(1);
      expect(wanted(shared, { downloads: [download('pve-2')], templates: [] })).toEqual(['pve-2']);
      expect(wanted(shared, has(template('pve-2', 'Reserved')))).toEqual([]);
    }
  });

  test('on four nodes at once, and on the others afterwards', () => {
    const all = choice([], { replicate: 'All' }, NODES);
    expect(wanted(all)).toHaveLength(4);
    const reserved = NODES.slice(0, 4).map((node) => template(node, 'Reserved'));
    expect(wanted(all, has(...reserved))).toEqual([]);
    expect(wanted(all, has(...NODES.slice(0, 4).map((node) => template(node))))).toEqual(['pve-5', 'pve-6']);
  });

  test('nowhere that it cannot be, which is said where a VM was promised it', () => {
    const demand = { node: 'pve-9' };
    expect(wanted(choice([demand]), has(template('pve-1')))).toEqual([]);
    expect(wanted(choice([{ ...demand, isChosen: true }]), has(template('pve-1')))).toEqual(['pve-9']);
    expect(wanted({ ...choice([{}]), view: aView() })).toEqual([undefined]);
  });
});

test('what is there is looked after, also where nobody needs it', () => {
  const own = { downloads: [download('pve-1')], templates: [template('pve-2', 'Ready', 'old.qcow2')] };
  expect(sitesOf(choice(), own, { file: FILE, isNeeded: false })).toEqual([
    { node: 'pve-1', isWanted: false },
    { node: 'pve-2', isWanted: false },
  ]);
});

test('for whatever VMs wait for and is there, no node gets a second one, and shared storage none at all', () => {
  const node = fc.constantFrom(...NODES);
  const state = fc.constantFrom('Reserved' as const, 'Ready' as const);
  fc.assert(
    fc.property(
      fc.array(fc.record({ node }), { maxLength: 6 }),
      fc.uniqueArray(fc.tuple(node, state), { selector: ([at]) => at, maxLength: 6 }),
      fc.boolean(),
      fc.constantFrom('All' as const, 'OnDemand' as const),
      (demands, there, shared, replicate) => {
        const own = has(...there.map(([at, is]) => template(at, is)));
        const result = wanted(choice(demands, { shared, replicate }, NODES), own);
        expect(new Set(result).size).toBe(result.length);
        for (const [at] of there) expect(result).not.toContain(at);
        if (shared && there.length > 0) expect(result).toEqual([]);
      },
    ),
  );
});
