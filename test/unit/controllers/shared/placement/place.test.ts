import { describe, expect, test } from '@jest/globals';
import {
  place,
  type PlacementRequest,
  type Template,
} from '../../../../../controllers/shared/placement/place.ts';
import { spaceKey, type Promised } from '../../../../../controllers/shared/cluster/ledger.ts';
import type { View } from '../../../../../src/pve/index.ts';
import { bytes, GiB, MiB, nodeName, vmid } from '../../../../../src/lib/units.ts';
import { aNode, aRow, aStorage, aTemplateRow, aView } from '../../../../builders/views.ts';

const desired = (change: Partial<PlacementRequest> = {}): PlacementRequest => ({
  cpus: 2,
  memory: bytes(2 * GiB),
  nodeSelector: [],
  ...change,
});
const onStorage = (storage: string): Template['disks'][number] => ({
  storage,
  size: bytes(10 * GiB),
  isRoot: true,
});
const template = (node = 'pve-1', change: Partial<Template> = {}): Template => ({
  vmid: vmid(9000),
  node: nodeName(node),
  isTemplate: true,
  running: false,
  disks: [onStorage('local-lvm')],
  cdStorages: [],
  linkable: true,
  ...change,
});
const NODES = ['pve-1', 'pve-2', 'pve-3'];
const STORAGES = NODES.flatMap((node) => [
  aStorage('local-lvm', { node }),
  aStorage('nfs', { node, shared: true, type: 'nfs' }),
]);
const cluster = (...nodes: View['nodes']): View =>
  aView({ nodes: nodes.length > 0 ? nodes : NODES.map((name) => aNode(name)), storages: STORAGES });
const ON_NFS = template('pve-1', { disks: [onStorage('nfs')] });
const NOTHING: Promised = { memory: new Map(), space: new Map() };
const promised = (memory: Record<string, number>, space: Record<string, number> = {}): Promised => ({
  memory: new Map(Object.entries(memory)),
  space: new Map(Object.entries(space)),
});
const decide = (w = desired(), templates = [ON_NFS], view = cluster(), others = NOTHING) =>
  place(w, templates, view, others).creation;
const nodeOf = (...args: Parameters<typeof decide>) => {
  const creation = decide(...args);
  return creation.ok ? creation.node : creation.reason;
};
const whyNot = (...args: Parameters<typeof decide>) => {
  const creation = decide(...args);
  return creation.ok ? `placed on ${creation.node}` : creation.message;
};
/** The cluster, with some storages as given here. */
const withStorages = (...changed: View['storages']): View => {
  const keys = new Set(changed.map(({ node, storage }) => `${node}/${storage}`));
  const others = STORAGES.filter(({ node, storage }) => !keys.has(`${node}/${storage}`));
  return { ...cluster(), storages: [...others, ...changed] };
};

describe('disks besides the root disk', () => {
  const thick = (node: string) =>
    aStorage('san', { node, type: 'lvm', total: bytes(100 * GiB), used: bytes(0) });
  const withSan = (...nodes: readonly string[]) => withStorages(...nodes.map(thick));
  const disk = (storage: string | undefined, gib: number) => ({ storage, size: bytes(gib * GiB) });

  test('lead to a node that has their storages', () => {
    expect(nodeOf(desired({ disks: [disk('san', 10)] }), [ON_NFS], withSan('pve-3'))).toBe('pve-3');
    expect(whyNot(desired({ disks: [disk('nowhere', 1)] }))).toContain(
      'pve-1, pve-2, pve-3: storage nowhere does not exist, or the credentials may not see it (Datastore.Audit)',
    );
  });

  test('count if their storage allocates their whole size, all of them together', () => {
    const both = desired({ disks: [disk('san', 60), disk('san', 60)] });
    expect(whyNot(both, [ON_NFS], withSan('pve-2'))).toContain('pve-2 (100 GiB of 100 GiB free): ');
    const { route } = {
      route: undefined,
      ...place(desired({ disks: [disk('san', 60)] }), [ON_NFS], withSan('pve-2'), NOTHING),
    };
    expect(route?.space.map(({ at, bytes: taken }) => [at.storage, taken])).toEqual([
      ['nfs', 0],
      ['san', 60 * GiB],
    ]);
  });

  test('take nothing yet where the storage is thin', () => {
    expect(nodeOf(desired({ disks: [disk(undefined, 100_000), disk('local-lvm', 100_000)] }))).toBe('pve-1');
  });
});

describe('the node of a new VM', () => {
  test('is the one with the most free memory', () => {
    const view = cluster(aNode('pve-1'), aNode('pve-2', { memoryUsed: bytes(GiB) }), aNode('pve-3'));
    expect(nodeOf(desired(), [ON_NFS], view)).toBe('pve-2');
  });

  test('counts what guests that run may come to use, and neither templates nor guests that are off', () => {
    const of = (node: string, gib: number, number: number) =>
      aRow({ vmid: vmid(number), node: nodeName(node), maxmem: bytes(gib * GiB) });
    const guests = [
      of('pve-1', 30, 101),
      of('pve-2', 20, 102),
      { ...of('pve-3', 60, 103), status: 'stopped' },
      aTemplateRow({ node: nodeName('pve-3'), maxmem: bytes(60 * GiB) }),
    ];
    const view = { ...cluster(), guests: new Map(guests.map((guest) => [guest.vmid, guest])) };
    expect(nodeOf(desired(), [ON_NFS], view)).toBe('pve-3');
    expect(nodeOf(desired({ nodeSelector: ['pve-1', 'pve-2'] }), [ON_NFS], view)).toBe('pve-2');
  });

  test.each(['paused', 'suspended', 'io-error'])(
    'counts a guest that is %s, whose memory is not free',
    (status) => {
      const guests = ['pve-1', 'pve-2'].map((node, at) =>
        aRow({ vmid: vmid(101 + at), node: nodeName(node), maxmem: bytes(60 * GiB), status }),
      );
      const view = { ...cluster(), guests: new Map(guests.map((guest) => [guest.vmid, guest])) };
      expect(nodeOf(desired({ memory: bytes(8 * GiB) }), [ON_NFS], view)).toBe('pve-3');
    },
  );

  test('counts memory that was promised a moment ago as taken', () => {
    expect(nodeOf(desired(), [ON_NFS], cluster(), promised({ 'pve-1': GiB, 'pve-2': 2 * GiB }))).toBe(
      'pve-3',
    );
  });

  test('is the preferred one of the Provider where the memory does not decide', () => {
    expect(nodeOf(desired({ nodeSelector: ['pve-3', 'pve-2'] }))).toBe('pve-3');
  });

  test('is the first by name where nothing decides', () => {
    expect(nodeOf(desired(), [ON_NFS], cluster(aNode('pve-2'), aNode('pve-1')))).toBe('pve-1');
  });

  test('stays the one that was chosen before as long as it will do', () => {
    const chosen = nodeName('pve-2');
    const view = cluster(aNode('pve-1'), aNode('pve-2', { memoryUsed: bytes(60 * GiB) }));
    expect(nodeOf(desired({ chosen }), [ON_NFS], view)).toBe('pve-2');
    expect(nodeOf(desired({ chosen, memory: bytes(8 * GiB) }), [ON_NFS], view)).toBe('pve-1');
  });

  test('is the one the VM asks for', () => {
    expect(nodeOf(desired({ host: 'pve-2' }))).toBe('pve-2');
  });

  test('is none if the VM asks for a node that the cluster does not have, and the refusal says so once', () => {
    expect(whyNot(desired({ host: 'pve-9' }))).toBe(
      'No node can take this VM: spec.placement.host names node pve-9, which the cluster does not have. Nodes for this VM are pve-1, pve-2, pve-3. Correct spec.placement.host.',
    );
  });

  test('is only judged where the VM asks for one', () => {
    const view = cluster(aNode('pve-1'), aNode('pve-2', { online: false }), aNode('pve-3'));
    expect(whyNot(desired({ host: 'pve-2' }), [ON_NFS], view)).toBe(
      'No node can take this VM (pve-2: offline).',
    );
  });

  test('is none that HA empties or fences, until that is over', () => {
    const inMode = (hastate: string) =>
      cluster(aNode('pve-1', { hastate, memoryUsed: bytes(0) }), aNode('pve-2'));
    expect(nodeOf(desired(), [ON_NFS], inMode('maintenance'))).toBe('pve-2');
    expect(nodeOf(desired(), [ON_NFS], inMode('fence'))).toBe('pve-2');
    expect(nodeOf(desired(), [ON_NFS], inMode('online'))).toBe('pve-1');
    // The manager has not heard of the node for a moment, or HA is not in use.
    expect(nodeOf(desired(), [ON_NFS], inMode('unknown'))).toBe('pve-1');
    expect(whyNot(desired({ host: 'pve-1' }), [ON_NFS], inMode('maintenance'))).toBe(
      'No node can take this VM (pve-1: in HA maintenance).',
    );
  });

  test('is not a template that stays where it is: one on a node in maintenance is cloned', () => {
    const view = cluster(aNode('pve-1', { hastate: 'maintenance' }), aNode('pve-2'));
    expect(decide(desired(), [ON_NFS], view)).toMatchObject({ node: 'pve-2', templateNode: 'pve-1' });
  });

  test('is refused with each reason once, for all nodes that it applies to', () => {
    const view = cluster(
      aNode('pve-1', { online: false }),
      aNode('pve-2'),
      aNode('pve-3', { online: false }),
    );
    expect(whyNot(desired({ memory: bytes(50 * GiB) }), [ON_NFS], view)).toBe(
      'No node can take this VM (pve-1, pve-3: offline; pve-2 (48 GiB free): 50 GiB of memory needed). Stop or move other VMs, or use a smaller class (spec.classRef).',
    );
  });

  test('is refused with amounts for each node, so that the message does not change with them', () => {
    const used = (...gib: number[]) =>
      whyNot(
        desired({ memory: bytes(50 * GiB) }),
        [ON_NFS],
        cluster(...gib.map((n, at) => aNode(`pve-${at + 1}`, { memoryUsed: bytes(n * GiB) }))),
      ).replaceAll(/\d+ GiB/g, '#');
    expect(used(20, 20)).toBe(used(20, 21));
  });

  test('is refused with each amount next to its node, and the rest once', () => {
    const used = (name: string, free: number) => aNode(name, { memoryUsed: bytes((64 - free) * GiB) });
    const view = cluster(used('pve-1', 1), used('pve-2', 2), used('pve-3', 1));
    expect(whyNot(desired({ memory: bytes(4 * GiB) }), [ON_NFS], view)).toContain(
      '(pve-1 (1 GiB free), pve-2 (2 GiB free), pve-3 (1 GiB free): 4 GiB of memory needed)',
    );
  });

  test('is none if the VM is too large, and the refusal names the largest one for it and what to change', () => {
    const view = cluster(
      aNode('pve-1', { memory: bytes(16 * GiB) }),
      aNode('pve-2', { memory: bytes(32 * GiB) }),
      aNode('pve-3', { memory: bytes(256 * GiB) }),
    );
    const w = desired({ memory: bytes(64 * GiB), nodeSelector: ['pve-1', 'pve-2'] });
    expect(whyNot(w, [ON_NFS], view)).toContain(
      'The largest node has 32 GiB of memory: reduce memory of the VMClass, or use a smaller class (spec.classRef).',
    );
    expect(whyNot({ ...w, memory: bytes(GiB), maxMemory: bytes(64 * GiB) }, [ON_NFS], view)).toContain(
      'reduce maxMemory of the VMClass',
    );
  });

  test('is refused with the storages that there are, the most similar first, if it asks for one that is not', () => {
    const view = withStorages(aStorage('isos', { content: ['iso'] }));
    expect(whyNot(desired({ storage: 'nsf' }), [ON_NFS], view)).toMatch(
      /pve-1, pve-2, pve-3: storage nsf does not exist.*\)\. Storages for disks are nfs, local-lvm\. Correct storageClass in spec\.disks/,
    );
    // Those that the namespace may not use are not named.
    const granted = desired({ storage: 'nsf', storages: ['nsf', 'local-lvm'] });
    expect(whyNot(granted, [ON_NFS], view)).toContain('Storages for disks are local-lvm.');
  });

  test('is refused with the content types to set, if its storage takes no disks', () => {
    const view = withStorages(...NODES.map((node) => aStorage('local-lvm', { node, content: ['rootdir'] })));
    expect(whyNot(desired({ storage: 'local-lvm' }), [ON_NFS], view)).toContain(
      'Add it on a node (pvesm set local-lvm --content rootdir,images)',
    );
  });

  test('is none if its name is misspelt, and the refusal names those for this VM and no others', () => {
    const w = desired({ host: 'pev-2', nodeSelector: ['pve-1', 'pve-2'] });
    expect(whyNot(w)).toContain('Nodes for this VM are pve-2, pve-1. Correct spec.placement.host.');
  });

  test('is none of those that only the node selector of the Provider names', () => {
    expect(whyNot(desired({ nodeSelector: ['pve-8', 'pve-9'] }))).toBe(
      'No node can take this VM (pve-8, pve-9: in the node selector of the Provider, but not in the cluster; pve-1, pve-2, pve-3: not in the node selector of the Provider). Correct the node selector of the Provider.',
    );
  });

  test.each([
    ['offline', cluster(aNode('pve-1', { online: false })), desired(), 'pve-1: offline'],
    [
      'not selected',
      cluster(aNode('pve-1')),
      desired({ nodeSelector: ['pve-2'] }),
      'not in the node selector of the Provider',
    ],
    [
      'too small for the CPUs',
      cluster(aNode('pve-1', { cpus: 4 })),
      desired({ cpus: 5 }),
      '(4 CPUs): the VM requires 5 CPUs). The largest node has 4 CPUs: reduce cpus of the VMClass',
    ],
    [
      'short of memory',
      cluster(aNode('pve-3', { memoryUsed: bytes(63 * GiB) })),
      desired({ memory: bytes(4 * GiB) }),
      'pve-3 (1 GiB free): 4 GiB of memory needed',
    ],
    [
      'too small for the memory, also for that which the VM may grow to',
      cluster(aNode('pve-1', { memoryUsed: bytes(0) })),
      desired({ maxMemory: bytes(65 * GiB) }),
      'pve-1 (64 GiB): the VM requires 65 GiB of memory',
    ],
    [
      'without the storage',
      withStorages(aStorage('ceph', { node: 'pve-2', shared: true })),
      desired({ storage: 'ceph', host: 'pve-1' }),
      'pve-1: storage ceph is not on this node',
    ],
    [
      'cut off from the storage',
      withStorages(aStorage('local-lvm', { status: 'unknown' })),
      desired({ storage: 'local-lvm', host: 'pve-1' }),
      'pve-1: storage local-lvm is not available',
    ],
    [
      'on a storage that takes no disks',
      withStorages(aStorage('local-lvm', { content: ['rootdir'] })),
      desired({ storage: 'local-lvm', host: 'pve-1' }),
      'pve-1: storage local-lvm does not have content type "images"',
    ],
    [
      'short of space',
      withStorages(aStorage('local-lvm', { total: bytes(40 * GiB), used: bytes(37 * GiB) })),
      desired({ storage: 'local-lvm', host: 'pve-1', rootDisk: bytes(20 * GiB) }),
      'pve-1 (3 GiB of 40 GiB free): 20 GiB needed on storage local-lvm',
    ],
  ])('is none that is %s, and the refusal reports it', (_what, view, w, said) => {
    expect(whyNot(w, [ON_NFS], view)).toContain(said);
  });

  test('is judged by what Proxmox VE reports: figures that are not visible do not exclude it', () => {
    const view = {
      ...withStorages(aStorage('nfs', { shared: true, total: undefined, used: undefined })),
      nodes: [aNode('pve-1', { cpus: 0, memory: bytes(0), memoryUsed: bytes(0) })],
    };
    expect(nodeOf(desired(), [ON_NFS], view)).toBe('pve-1');
  });

  test('is none in a cluster without nodes', () => {
    expect(whyNot(desired(), [ON_NFS], { ...cluster(), nodes: [] })).toContain('the cluster has no nodes');
  });
});

describe('the space for a new VM', () => {
  const nearlyFull = (free: number) =>
    withStorages(
      ...NODES.map((node) =>
        aStorage('nfs', { node, shared: true, type: 'nfs', used: bytes(500 * GiB - free) }),
      ),
    );

  test('of a full clone is that of its disks as they will be', () => {
    const source = {
      ...ON_NFS,
      linkable: false,
      disks: [onStorage('nfs'), { ...onStorage('nfs'), isRoot: false }],
    };
    expect(nodeOf(desired(), [source], nearlyFull(20 * GiB))).toBe('pve-1');
    expect(whyNot(desired(), [source], nearlyFull(19 * GiB))).toContain(
      '(19 GiB of 500 GiB free): 20 GiB needed on storage nfs',
    );
    expect(whyNot(desired({ rootDisk: bytes(12 * GiB) }), [source], nearlyFull(20 * GiB))).toContain(
      '22 GiB needed',
    );
  });

  test('of a linked clone is only what it takes to begin', () => {
    expect(nodeOf(desired({ rootDisk: bytes(100 * GiB) }), [ON_NFS], nearlyFull(GiB))).toBe('pve-1');
    expect(whyNot(desired(), [ON_NFS], nearlyFull(512 * MiB))).toContain(
      '(512 MiB of 500 GiB free): 1 GiB needed on storage nfs',
    );
  });

  test('is not promised twice: neither that of a node nor that which nodes share', () => {
    const full = desired({ storage: 'local-lvm', host: 'pve-1', rootDisk: bytes(300 * GiB) });
    expect(nodeOf(full)).toBe('pve-1');
    expect(nodeOf(full, [ON_NFS], cluster(), promised({}, { 'pve-2/local-lvm': 300 * GiB }))).toBe('pve-1');
    expect(nodeOf(full, [ON_NFS], cluster(), promised({}, { 'pve-1/local-lvm': 200 * GiB }))).toBe(
      'NoEligibleNode',
    );
    const copy = { ...ON_NFS, linkable: false };
    expect(nodeOf(desired(), [copy], cluster(), promised({}, { nfs: 395 * GiB }))).toBe('NoEligibleNode');
  });
});

describe('the template of a new VM', () => {
  test('on local storage keeps the VM on its node', () => {
    const emptier = cluster(aNode('pve-1', { memoryUsed: bytes(0) }), aNode('pve-2'));
    expect(decide(desired(), [template('pve-2')], emptier)).toMatchObject({
      node: 'pve-2',
      templateNode: 'pve-2',
      full: false,
    });
  });

  test('on shared storage is cloned from its own node to another', () => {
    expect(decide(desired({ host: 'pve-3' }))).toMatchObject({
      node: 'pve-3',
      templateNode: 'pve-1',
      full: false,
    });
    expect(decide(desired({ host: 'pve-3' }))).not.toHaveProperty('moves');
  });

  test('is the copy on the chosen node where there is one', () => {
    const copies = [template('pve-1'), template('pve-2', { vmid: vmid(9001) })];
    expect(decide(desired({ host: 'pve-2' }), copies)).toMatchObject({
      template: 9001,
      templateNode: 'pve-2',
    });
    expect(decide(desired({ host: 'pve-2' }), copies)).not.toHaveProperty('moves');
  });
});

describe('a VM that must be elsewhere than its template on local storage', () => {
  const MOVED = { ok: true, template: 9000, templateNode: 'pve-2', full: true, moves: true };

  test.each([
    ['its host', desired({ host: 'pve-1' }), cluster()],
    ['the Provider', desired({ nodeSelector: ['pve-1'] }), cluster()],
    ['the memory', desired(), cluster(aNode('pve-1'), aNode('pve-2', { memoryUsed: bytes(63 * GiB) }))],
  ])('because of %s is cloned on its node and moved', (_why, w, view) => {
    expect(decide(w, [template('pve-2')], view)).toMatchObject({
      ...MOVED,
      node: 'pve-1',
      rootStorage: 'local-lvm',
      fullCloneReason: 'the template is on local storage of pve-2',
    });
  });

  test("is made on the desired storage where the template's node has it, and moved to it where it has not", () => {
    const fast = aStorage('fast', { node: 'pve-1' });
    const w = desired({ host: 'pve-1', storage: 'fast' });
    const there = { ...cluster(), storages: [...STORAGES, fast, aStorage('fast', { node: 'pve-2' })] };
    expect(decide(w, [template('pve-2')], there)).toMatchObject({
      ...MOVED,
      storage: 'fast',
      rootStorage: 'fast',
    });
    const not = { ...cluster(), storages: [...STORAGES, fast] };
    expect(decide(w, [template('pve-2')], not)).toMatchObject({ ...MOVED, rootStorage: 'fast' });
    expect(decide(w, [template('pve-2')], not)).not.toHaveProperty('storage');
  });

  test('needs room for the copy on both nodes', () => {
    const w = desired({ host: 'pve-1', rootDisk: bytes(30 * GiB) });
    const full = (node: string, free: number) =>
      withStorages(aStorage('local-lvm', { node, used: bytes((500 - free) * GiB) }));
    expect(decide(w, [template('pve-2')], full('pve-2', 10))).toMatchObject(MOVED);
    expect(whyNot(w, [template('pve-2')], full('pve-2', 9))).toContain(
      'the template cannot be copied on pve-2: 10 GiB needed on storage local-lvm, 9 GiB of 500 GiB free',
    );
    expect(whyNot(w, [template('pve-2')], full('pve-1', 29))).toContain(
      'pve-1 (29 GiB of 500 GiB free): 30 GiB needed on storage local-lvm',
    );
  });

  test("is copied to the desired local storage on the template's node where the template is on shared storage", () => {
    const w = desired({ host: 'pve-2', storage: 'local-lvm' });
    expect(decide(w, [ON_NFS])).toMatchObject({
      node: 'pve-2',
      templateNode: 'pve-1',
      moves: true,
      storage: 'local-lvm',
      fullCloneReason: 'the VM requires storage local-lvm and the template is on nfs',
    });
    // From shared storage a move takes no disk along.
    const full = withStorages(aStorage('local-lvm', { used: bytes(499 * GiB) }));
    expect(whyNot(w, [ON_NFS], full)).toContain(
      'the template cannot be copied on pve-1: 10 GiB needed on storage local-lvm, 1 GiB of 500 GiB free',
    );
  });

  test.each([
    [
      'a CD image would be left behind',
      template('pve-2', { cdStorages: ['local-lvm'] }),
      desired({ host: 'pve-1' }),
      cluster(),
      'has a CD image on local storage local-lvm',
    ],
    [
      'the other node lacks the storage',
      template('pve-2', { disks: [onStorage('zfs-2')] }),
      desired({ host: 'pve-1' }),
      cluster(),
      'storage zfs-2 of pve-2, which is not on this node (set a storageClass)',
    ],
    [
      'the types of the storages are not compatible',
      template('pve-2', { disks: [onStorage('tank')] }),
      desired({ host: 'pve-1', storage: 'local-lvm' }),
      {
        ...cluster(),
        storages: [
          ...STORAGES.filter(({ node, storage }) => `${node}/${storage}` !== 'pve-2/local-lvm'),
          aStorage('tank', { node: 'pve-2', type: 'zfspool' }),
        ],
      },
      'does not move disks from storage tank of pve-2 to local-lvm',
    ],
  ])('is refused where %s', (_why, source, w, view, said) => {
    expect(whyNot(w, [source], view)).toContain(`pve-1: `);
    expect(whyNot(w, [source], view)).toContain(said);
  });
});

describe('a clone', () => {
  test('is linked where that is possible, without naming a storage', () => {
    const creation = decide(desired({ storage: 'nfs' }));
    expect(creation).toMatchObject({ full: false, rootStorage: 'nfs' });
    expect(creation).not.toHaveProperty('storage');
    expect(creation).not.toHaveProperty('fullCloneReason');
  });

  test.each([
    [
      'the disks are to be on another storage',
      desired({ storage: 'local-lvm' }),
      ON_NFS,
      'the VM requires storage local-lvm and the template is on nfs',
    ],
    [
      'the source is an ordinary VM',
      desired(),
      { ...ON_NFS, isTemplate: false },
      'its source is a VM, not a template',
    ],
    [
      'the storage cannot link',
      desired(),
      { ...ON_NFS, linkable: false },
      'the storage of the template does not support linked clones',
    ],
  ])('is full if %s, and reports it', (_why, w, source, why) => {
    const creation = decide(w, [source]);
    expect(creation).toMatchObject({ full: true, fullCloneReason: why });
    expect('storage' in creation ? creation.storage : undefined).toBe(w.storage);
  });
});

test('a storage that nodes share has one room, others have one each', () => {
  expect(spaceKey(aStorage('nfs', { node: 'pve-1', shared: true }))).toBe('nfs');
  expect(spaceKey(aStorage('local-lvm', { node: 'pve-1' }))).toBe('pve-1/local-lvm');
});

describe('a limit of storages', () => {
  test('keeps disks, and those of the template, off all others', () => {
    expect(nodeOf(desired({ storages: ['nfs'] }))).not.toBe('NoEligibleNode');
    expect(whyNot(desired({ storages: ['local-lvm'] }))).toContain(
      'storage nfs may not be used by VMs of this namespace',
    );
    expect(
      whyNot(desired({ storages: ['nfs'], disks: [{ storage: 'local-lvm', size: bytes(GiB) }] })),
    ).toContain('storage local-lvm may not be used');
  });

  test('lets a VM be cloned in full onto a storage within it', () => {
    expect(decide(desired({ storages: ['local-lvm'], storage: 'local-lvm' }))).toMatchObject({
      ok: true,
      full: true,
      rootStorage: 'local-lvm',
    });
  });

  test('does not say whether the others exist', () => {
    const why = (storage: string) =>
      whyNot(desired({ storages: ['none'], storage })).replaceAll(storage, 'it');
    expect(why('local-lvm')).toBe(why('missing'));
  });
});

describe('a copy of a VM', () => {
  const vm = (change: Partial<Template> = {}) =>
    template('pve-1', { vmid: vmid(200), isTemplate: false, ...change });
  const ofSnapshot = (canCopy: boolean, change: Partial<Template> = {}) =>
    vm({ snapshot: { canCopy }, ...change });
  const onPve1 = desired({ host: nodeName('pve-1') });

  test('is linked only of a snapshot, and then only where the storage can and the spec does not forbid it', () => {
    const full = 'spec.cloneFrom.linked is false';
    expect(decide(onPve1, [vm()])).toMatchObject({ full: true });
    expect(decide(onPve1, [ofSnapshot(true)])).toMatchObject({ full: false });
    expect(decide(onPve1, [ofSnapshot(true, { linkable: false })])).toMatchObject({ full: true });
    expect(decide(onPve1, [ofSnapshot(true, { full })])).toMatchObject({ full: true, fullCloneReason: full });
  });

  test('is not made of a snapshot that would have to be copied and cannot be', () => {
    const onNfs = desired({ host: nodeName('pve-1'), storage: 'nfs' });
    expect(decide(onNfs, [ofSnapshot(true)])).toMatchObject({ full: true, storage: 'nfs' });
    expect(whyNot(onNfs, [ofSnapshot(false)])).toContain(
      'pve-1: a full clone would be needed, because the VM requires storage nfs and its source is on local-lvm',
    );
    expect(whyNot(desired({ host: nodeName('pve-2') }), [ofSnapshot(false)])).toContain(
      'because the source is on local storage of pve-1, and Proxmox VE makes none of this snapshot',
    );
  });

  test('is made next to its source and then moved, if that is on local storage', () => {
    expect(decide(desired({ host: nodeName('pve-2') }), [vm()])).toMatchObject({
      ...{ templateNode: 'pve-1', node: 'pve-2', moves: true },
    });
  });
});
