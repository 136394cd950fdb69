import { describe, expect, test } from '@jest/globals';
import fc, { type Arbitrary } from '../../../../builders/fast-check.ts';
import {
  place,
  type PlacementRequest,
  type Template,
} from '../../../../../controllers/shared/placement/place.ts';
import { createLedger, spaceKey, type Promised } from '../../../../../controllers/shared/cluster/ledger.ts';
import type { View } from '../../../../../src/pve/index.ts';
import { bytes, GiB, nodeName, vmid } from '../../../../../src/lib/units.ts';
import { aNode, aStorage, aView } from '../../../../builders/views.ts';

const NODES = ['pve-1', 'pve-2', 'pve-3'];
const NOTHING: Promised = { memory: new Map(), space: new Map() };
const gib = (most: number) => fc.integer({ min: 0, max: most }).map((n) => bytes(n * GiB));

const views: Arbitrary<View> = fc
  .tuple(
    ...NODES.map((name) =>
      fc
        .record({ online: fc.boolean(), cpus: fc.constantFrom(1, 4, 16), memoryUsed: gib(32) })
        .map((change) => aNode(name, { memory: bytes(32 * GiB), ...change })),
    ),
  )
  .chain((nodes) =>
    fc
      .tuple(
        fc.record({ used: gib(100), status: fc.constantFrom('available', 'available', 'unknown') }),
        ...NODES.map((node) =>
          fc.record({
            used: gib(60),
            status: fc.constantFrom('available', 'available', 'unknown'),
            content: fc.constantFrom(['images'], ['images', 'rootdir'], ['rootdir']),
            node: fc.constant(node),
          }),
        ),
      )
      .map(([shared, ...local]) =>
        aView({
          nodes,
          storages: [
            ...NODES.map((node) =>
              aStorage('nfs', { ...shared, node, shared: true, type: 'nfs', total: bytes(100 * GiB) }),
            ),
            ...local.map((change) => aStorage('local-lvm', { ...change, total: bytes(60 * GiB) })),
          ],
        }),
      ),
  );

const desired: Arbitrary<PlacementRequest> = fc.record(
  {
    cpus: fc.constantFrom(1, 2, 8),
    memory: fc.constantFrom(bytes(GiB), bytes(4 * GiB), bytes(16 * GiB)),
    nodeSelector: fc.oneof(fc.constant([]), fc.shuffledSubarray(NODES)),
    host: fc.constantFrom(...NODES),
    storage: fc.constantFrom('nfs', 'local-lvm'),
    rootDisk: fc.constantFrom(bytes(5 * GiB), bytes(20 * GiB), bytes(50 * GiB)),
  },
  { requiredKeys: ['cpus', 'memory', 'nodeSelector'], noNullPrototype: true },
);

const templates: Arbitrary<readonly Template[]> = fc
  .uniqueArray(
    fc.record({
      node: fc.constantFrom(...NODES).map(nodeName),
      storage: fc.constantFrom('nfs', 'local-lvm'),
      isTemplate: fc.boolean(),
      linkable: fc.boolean(),
    }),
    { minLength: 1, selector: ({ node }) => node },
  )
  .map((sources) =>
    sources.map(({ node, storage, isTemplate, linkable }, index) => ({
      vmid: vmid(9000 + index),
      node,
      isTemplate,
      running: false,
      disks: [{ storage, size: bytes(10 * GiB), isRoot: true }],
      cdStorages: [],
      linkable,
    })),
  );

const RUNS = { numRuns: 500 };

describe('in any cluster, a VM is placed', () => {
  test('only on a node that is online, wanted, large enough and has its storage', () => {
    fc.assert(
      fc.property(desired, templates, views, (request, sources, view) => {
        const { creation } = place(request, sources, view, NOTHING);
        if (!creation.ok) return;
        const node = view.nodes.find(({ name }) => name === creation.node);
        expect(node).toMatchObject({ online: true });
        expect(request.host ?? creation.node).toBe(creation.node);
        if (request.nodeSelector.length > 0) expect(request.nodeSelector).toContain(creation.node);
        expect(node?.cpus).toBeGreaterThanOrEqual(request.cpus);
        expect(node!.memory - node!.memoryUsed).toBeGreaterThanOrEqual(request.memory);
        const storage = view.storages.find(
          (each) => each.node === creation.node && each.storage === creation.rootStorage,
        );
        expect(storage).toMatchObject({ status: 'available', content: expect.arrayContaining(['images']) });
        expect(request.storage ?? creation.rootStorage).toBe(creation.rootStorage);
      }),
      RUNS,
    );
  });

  test('only with room for the whole root disk, if it is a full clone', () => {
    fc.assert(
      fc.property(desired, templates, views, (request, sources, view) => {
        const { creation } = place(request, sources, view, NOTHING);
        if (!creation.ok || !creation.full) return;
        const { total = 0, used = 0 } = view.storages.find(
          (each) => each.node === creation.node && each.storage === creation.rootStorage,
        )!;
        expect(total - used).toBeGreaterThanOrEqual(Math.max(10 * GiB, request.rootDisk ?? 0));
      }),
      RUNS,
    );
  });

  test('by a request that Proxmox VE takes: linked without a storage, and across only where all is shared', () => {
    fc.assert(
      fc.property(desired, templates, views, (request, sources, view) => {
        const { creation } = place(request, sources, view, NOTHING);
        if (!creation.ok) return;
        const source = sources.find((each) => each.vmid === creation.template)!;
        expect(source.node).toBe(creation.templateNode);
        if (!creation.full) {
          expect(creation).not.toHaveProperty('storage');
          expect(source).toMatchObject({ isTemplate: true, linkable: true });
        }
        if (creation.node === creation.templateNode || creation.moves) return;
        expect([source.disks[0]?.storage, creation.storage ?? 'nfs']).toEqual(['nfs', 'nfs']);
      }),
      RUNS,
    );
  });

  test('in the same place for any order of what is observed', () => {
    fc.assert(
      fc.property(desired, templates, views, (request, sources, view) => {
        const reversed = {
          ...view,
          nodes: view.nodes.toReversed(),
          storages: view.storages.toReversed(),
        };
        expect(place(request, sources.toReversed(), reversed, NOTHING).creation).toEqual(
          place(request, sources, view, NOTHING).creation,
        );
      }),
      RUNS,
    );
  });

  test('by a move only if no node can have it without', () => {
    fc.assert(
      fc.property(desired, templates, views, (request, sources, view) => {
        const { creation } = place(request, sources, view, NOTHING);
        if (!creation.ok || !creation.moves) return;
        for (const host of NODES) {
          const { creation: there } = place(
            { ...request, host: request.host ?? host },
            sources,
            view,
            NOTHING,
          );
          if (there.ok) expect(there.moves).toBe(true);
        }
      }),
      RUNS,
    );
  });
});

test('many that are placed at once never get more than there is, memory and space alike', () => {
  fc.assert(
    fc.property(
      fc.array(desired, { minLength: 2, maxLength: 30 }),
      templates,
      views,
      (all, sources, view) => {
        const ledger = createLedger(() => 0);
        const memory = new Map<string, number>();
        const space = new Map<string, number>();
        const add = (sums: Map<string, number>, key: string, n: number) =>
          sums.set(key, (sums.get(key) ?? 0) + n);
        all.forEach((request, index) => {
          const uid = `vm-${index}`;
          const placed = place(request, sources, view, ledger.besides(uid, view));
          if (!('route' in placed)) return;
          const own = new Map<string, number>();
          for (const { at, bytes: n } of placed.route.space) add(own, spaceKey(at), n);
          ledger.promise(uid, {
            vmid: undefined,
            node: placed.creation.node,
            memory: request.memory,
            space: own,
          });
          add(memory, placed.creation.node, request.memory);
          for (const [key, n] of own) add(space, key, n);
        });
        for (const { name, memory: has, memoryUsed } of view.nodes)
          expect(memory.get(name) ?? 0).toBeLessThanOrEqual(Math.max(has - memoryUsed, 0));
        for (const storage of view.storages)
          expect(space.get(spaceKey(storage)) ?? 0).toBeLessThanOrEqual(
            (storage.total ?? 0) - (storage.used ?? 0),
          );
      },
    ),
    { numRuns: 300 },
  );
});

test('VMs of one size are spread evenly over nodes of one size', () => {
  const view = aView({
    nodes: NODES.map((name) => aNode(name)),
    storages: NODES.map((node) => aStorage('nfs', { node, shared: true, type: 'nfs' })),
  });
  const source: Template = {
    vmid: vmid(9000),
    node: nodeName('pve-1'),
    isTemplate: true,
    running: false,
    disks: [{ storage: 'nfs', size: bytes(10 * GiB), isRoot: true }],
    cdStorages: [],
    linkable: true,
  };
  const ledger = createLedger(() => 0);
  const counts = new Map<string, number>();
  for (let n = 0; n < 51; n += 1) {
    const desired = { cpus: 2, memory: bytes(2 * GiB), nodeSelector: [] };
    const { creation } = place(desired, [source], view, ledger.besides(`vm-${n}`, view));
    if (!creation.ok) throw new Error(creation.message);
    ledger.promise(`vm-${n}`, {
      vmid: undefined,
      node: creation.node,
      memory: desired.memory,
      space: new Map(),
    });
    counts.set(creation.node, (counts.get(creation.node) ?? 0) + 1);
  }
  expect([...counts.values()]).toEqual([17, 17, 17]);
});
