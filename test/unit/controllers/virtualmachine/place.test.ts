import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { place, type PlacementWish, type Template } from '../../../../controllers/virtualmachine/place.ts';
import type { View } from '../../../../src/pve/index.ts';
import { bytes, GiB, nodeName, vmid } from '../../../../src/lib/units.ts';
import { aNode, aStorage, aView } from '../../../builders/views.ts';

const wish = (change: Partial<PlacementWish> = {}): PlacementWish => ({
  cpus: 2,
  memory: bytes(2 * GiB),
  nodeSelector: [],
  ...change,
});
const template = (node = 'pve-1', change: Partial<Template> = {}): Template => ({
  vmid: vmid(9000),
  node: nodeName(node),
  isTemplate: true,
  storages: ['local-lvm'],
  linkable: true,
  ...change,
});
const NODES = ['pve-1', 'pve-2', 'pve-3'];
const cluster = (...nodes: View['nodes']): View =>
  aView({
    nodes: nodes.length > 0 ? nodes : NODES.map((name) => aNode(name)),
    storages: NODES.flatMap((node) => [
      aStorage('local-lvm', { node }),
      aStorage('nfs', { node, shared: true, type: 'nfs' }),
    ]),
  });
const ON_NFS = template('pve-1', { storages: ['nfs'] });
const decide = (w = wish(), templates = [ON_NFS], view = cluster(), promised: Record<string, number> = {}) =>
  place(w, templates, view, new Map(Object.entries(promised)));
const nodeOf = (...args: Parameters<typeof decide>) => {
  const creation = decide(...args);
  return creation.ok ? creation.node : creation.reason;
};
const whyNot = (...args: Parameters<typeof decide>) => {
  const creation = decide(...args);
  return creation.ok ? `placed on ${creation.node}` : creation.message;
};

describe('the node of a new VM', () => {
  test('is the one with the most free memory', () => {
    const view = cluster(aNode('pve-1'), aNode('pve-2', { memoryUsed: bytes(GiB) }), aNode('pve-3'));
    expect(nodeOf(wish(), [ON_NFS], view)).toBe('pve-2');
  });

  test('counts memory that was promised a moment ago as taken', () => {
    expect(nodeOf(wish(), [ON_NFS], cluster(), { 'pve-1': GiB, 'pve-2': 2 * GiB })).toBe('pve-3');
  });

  test('is the preferred one of the Provider where the memory does not decide', () => {
    expect(nodeOf(wish({ nodeSelector: ['pve-3', 'pve-2'] }))).toBe('pve-3');
  });

  test('is the first by name where nothing decides', () => {
    expect(nodeOf(wish(), [ON_NFS], cluster(aNode('pve-2'), aNode('pve-1')))).toBe('pve-1');
  });

  test('is the one the VM asks for', () => {
    expect(nodeOf(wish({ host: 'pve-2' }))).toBe('pve-2');
    expect(whyNot(wish({ host: 'pve-9' }))).toContain('pve-1: the VM asks for pve-9');
  });

  test.each([
    ['offline', cluster(aNode('pve-1', { online: false })), wish(), 'pve-1: offline'],
    [
      'not selected',
      cluster(aNode('pve-1')),
      wish({ nodeSelector: ['pve-2'] }),
      'not among the nodes of the Provider',
    ],
    [
      'too small for the CPUs',
      cluster(aNode('pve-1', { cpus: 4 })),
      wish({ cpus: 5 }),
      'has 4 CPUs, the VM asks for 5',
    ],
    ['too small for the memory', cluster(aNode('pve-1')), wish({ memory: bytes(65 * GiB) }), 'less memory'],
    ['without the storage', cluster(aNode('pve-1')), wish({ storage: 'ceph' }), 'storage ceph is not there'],
  ])('is none that is %s, and the refusal says so', (_what, view, w, said) => {
    expect(whyNot(w, [ON_NFS], view)).toContain(said);
  });

  test('is none in a cluster without nodes', () => {
    expect(whyNot(wish(), [ON_NFS], { ...cluster(), nodes: [] })).toContain('the cluster has no nodes');
  });

  test('is the same whatever the order of nodes and storages, and always an eligible one', () => {
    const nodes = fc.uniqueArray(
      fc.record({
        name: fc.constantFrom(...NODES),
        online: fc.boolean(),
        cpus: fc.constantFrom(1, 8),
        used: fc.nat(3),
      }),
      { selector: ({ name }) => name },
    );
    fc.assert(
      fc.property(nodes, fc.shuffledSubarray(NODES), (drawn, nodeSelector) => {
        const view = cluster(
          ...drawn.map(({ name, online, cpus, used }) =>
            aNode(name, { online, cpus, memoryUsed: bytes(used * GiB) }),
          ),
        );
        const chosen = decide(wish({ nodeSelector }), [ON_NFS], {
          ...view,
          nodes: view.nodes.slice(0, drawn.length),
        });
        const reversed = decide(wish({ nodeSelector }), [ON_NFS], {
          ...view,
          nodes: view.nodes.slice(0, drawn.length).toReversed(),
        });
        const eligible = drawn.filter(
          ({ name, online, cpus }) =>
            online && cpus >= 2 && (nodeSelector.length === 0 || nodeSelector.includes(name)),
        );
        expect(chosen.ok).toBe(eligible.length > 0);
        if (!chosen.ok) return;
        expect(reversed).toEqual(chosen);
        expect(eligible.map(({ name }) => name)).toContain(chosen.node);
      }),
    );
  });
});

describe('the template of a new VM', () => {
  test('on local storage keeps the VM on its node', () => {
    expect(decide(wish(), [template('pve-2')])).toMatchObject({
      node: 'pve-2',
      templateNode: 'pve-2',
      full: false,
    });
    expect(whyNot(wish({ host: 'pve-1' }), [template('pve-2')])).toContain('local storage of another node');
  });

  test('on shared storage is cloned from its own node to another', () => {
    expect(decide(wish({ host: 'pve-3' }))).toMatchObject({ node: 'pve-3', templateNode: 'pve-1' });
  });

  test('is the copy on the chosen node where there is one', () => {
    const copies = [template('pve-1'), template('pve-2', { vmid: vmid(9001) })];
    expect(decide(wish({ host: 'pve-2' }), copies)).toMatchObject({ template: 9001, templateNode: 'pve-2' });
  });

  test('reaches no other node when the wished storage is local', () => {
    expect(nodeOf(wish({ storage: 'local-lvm', host: 'pve-2' }))).toBe('NoEligibleNode');
    expect(decide(wish({ storage: 'local-lvm' }))).toMatchObject({ node: 'pve-1' });
  });
});

describe('a clone', () => {
  test('is linked where that is possible, without naming a storage', () => {
    const creation = decide(wish({ storage: 'nfs' }));
    expect(creation).toMatchObject({ full: false });
    expect(creation).not.toHaveProperty('storage');
  });

  test.each([
    ['the disks go to another storage', wish({ storage: 'local-lvm' }), ON_NFS],
    ['the source is an ordinary VM', wish(), { ...ON_NFS, isTemplate: false }],
    ['the storage cannot link', wish(), { ...ON_NFS, linkable: false }],
  ])('is full where %s', (_why, w, source) => {
    const creation = decide(w, [source]);
    expect(creation).toMatchObject({ full: true });
    expect('storage' in creation ? creation.storage : undefined).toBe(w.storage);
  });
});
