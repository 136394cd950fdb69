import { describe, expect, test } from '@jest/globals';
import { KIND_NAMES, REGISTRY, type KindName } from '../../../../controllers/index.ts';
import {
  KINDS,
  type Provider,
  type VirtualMachine,
  type VMClass,
  type VMClone,
  type VMImage,
  type VMPlacementPolicy,
  type VMSnapshot,
  type VMSnapshotSchedule,
} from '../../../../src/api/index.ts';
import { indexClones } from '../../../../src/cmd/operator/clones.ts';
import { indexSnapshots, indexVms } from '../../../../src/cmd/operator/indexes.ts';
import { watchRelatedObjects } from '../../../../src/cmd/operator/related.ts';
import { nodeName, vmid } from '../../../../src/lib/units.ts';
import { aWatch, entryOf } from '../../../builders/watches.ts';
import { aClass, aClone, anImage, aProvider, aSnapshot, aVirtualMachine } from '../../../builders/objects.ts';

function aCluster() {
  const watches = {
    Provider: aWatch<Provider>(),
    VirtualMachine: aWatch<VirtualMachine>(),
    VMClass: aWatch<VMClass>(),
    VMImage: aWatch<VMImage>(),
    VMSnapshot: aWatch<VMSnapshot>(),
    VMSnapshotSchedule: aWatch<VMSnapshotSchedule>(),
    VMClone: aWatch<VMClone>(),
    VMPlacementPolicy: aWatch<VMPlacementPolicy>(),
  };
  let asked: string[] = [];
  const ask = (kind: KindName, keys: Iterable<string>, reason: string): void => {
    for (const key of keys) asked.push(`${kind} ${key} ${reason}`);
  };
  const indexes = indexVms(watches.VirtualMachine.cache);
  const snapshots = indexSnapshots(watches.VMSnapshot.cache);
  const clones = indexClones(watches);
  watchRelatedObjects(watches, { indexes, snapshots, clones }, ask);
  return {
    ...watches,
    /** What was asked for by this, each once. */
    askedBy: (change: () => void): readonly string[] => {
      asked = [];
      change();
      return [...new Set(asked)].toSorted();
    },
  };
}

const web = entryOf(aVirtualMachine());
const provider = entryOf(aProvider());

test('the registry has every kind of the API', () => {
  expect([...KIND_NAMES].toSorted()).toEqual(KINDS.map(({ kind }) => kind).toSorted());
  expect(Object.keys(REGISTRY).toSorted()).toEqual([...KIND_NAMES].toSorted());
});

describe('a pass is asked for', () => {
  test('over class and image when a VM begins or ceases to use them, over the Provider when it is gone', () => {
    const { VirtualMachine, askedBy } = aCluster();
    const users = ['VMClass default/small relatedObject', 'VMImage default/ubuntu relatedObject'];
    expect(askedBy(() => VirtualMachine.change(undefined, web))).toEqual(users);
    const reported = { ...web, rawStatus: { vmid: 100 } };
    expect(askedBy(() => VirtualMachine.change(web, reported))).toEqual([]);
    expect(askedBy(() => VirtualMachine.change(reported, undefined))).toEqual([
      `Provider ${provider.key} relatedObject`,
      ...users,
    ]);
  });

  test('over both classes when a VM changes from one to another', () => {
    const { VirtualMachine, askedBy } = aCluster();
    VirtualMachine.change(undefined, web);
    const large = entryOf(
      aVirtualMachine({ spec: { classRef: { name: 'large' } }, metadata: { generation: 2 } }),
    );
    expect(askedBy(() => VirtualMachine.change(web, large))).toEqual(
      expect.arrayContaining(['VMClass default/large relatedObject', 'VMClass default/small relatedObject']),
    );
  });

  test('over the VMs that refer to what changed, and over all images when a Provider did', () => {
    const { VirtualMachine, Provider, VMClass, VMImage, askedBy } = aCluster();
    VirtualMachine.change(undefined, web);
    VMImage.change(undefined, entryOf(anImage()));
    expect(askedBy(() => Provider.change(provider, provider))).toEqual([
      'VMImage default/ubuntu relatedObject',
      'VirtualMachine default/web relatedObject',
    ]);
    const vmClass = entryOf(aClass());
    expect(askedBy(() => VMClass.change(vmClass, undefined))).toEqual([
      'VirtualMachine default/web relatedObject',
    ]);
  });

  test('over every image of a VM, and over the VM when one of them changes', () => {
    const { VirtualMachine, VMImage, askedBy } = aCluster();
    const cdroms = [
      { name: 'install', imageRef: { name: 'debian' } },
      { name: 'drivers', imageRef: { name: 'virtio', namespace: 'shared' } },
    ];
    const installing = entryOf(aVirtualMachine({ spec: { cdroms } }));
    expect(askedBy(() => VirtualMachine.change(undefined, installing))).toEqual(
      expect.arrayContaining([
        'VMImage default/debian relatedObject',
        'VMImage default/ubuntu relatedObject',
        'VMImage shared/virtio relatedObject',
      ]),
    );
    const image = entryOf(anImage({ iso: 'local:iso/virtio.iso' }, { name: 'virtio', namespace: 'shared' }));
    expect(askedBy(() => VMImage.change(undefined, image))).toEqual([
      'VirtualMachine default/web relatedObject',
    ]);
  });

  test('over the snapshots of a VM that changed, and over the VM of a snapshot that changed', () => {
    const { VirtualMachine, VMSnapshot, askedBy } = aCluster();
    const mine = entryOf(aSnapshot());
    const other = entryOf(aSnapshot({ metadata: { name: 'other' }, spec: { vmRef: { name: 'db' } } }));
    VMSnapshot.change(undefined, other);
    expect(askedBy(() => VMSnapshot.change(undefined, mine))).toEqual([
      'VirtualMachine default/web relatedObject',
    ]);
    expect(askedBy(() => VirtualMachine.change(web, web))).toEqual([
      'VMSnapshot default/before-upgrade relatedObject',
    ]);
  });

  test('over the clones that wait for a VM or a snapshot, or report on their copy', () => {
    const { VirtualMachine, VMSnapshot, VMClone, askedBy } = aCluster();
    VMClone.change(undefined, entryOf(aClone({ spec: { sourceVMRef: { name: 'web' } } })));
    const ofSnapshot = { sourceVMRef: undefined, sourceSnapshotRef: { name: 'before-upgrade' } };
    VMClone.change(undefined, entryOf(aClone({ metadata: { name: 'restored' }, spec: ofSnapshot })));
    const done = { targetRef: { namespace: 'default', name: 'copy' }, targetUID: 'x' };
    VMClone.change(undefined, entryOf(aClone({ metadata: { name: 'done' }, status: done })));
    const clonesAskedBy = (change: () => void) =>
      askedBy(change).filter((each) => each.startsWith('VMClone '));
    const named = (name: string) => entryOf(aVirtualMachine({ metadata: { name } }));
    expect(clonesAskedBy(() => VirtualMachine.change(undefined, web))).toEqual([
      'VMClone default/web-clone relatedObject',
    ]);
    expect(clonesAskedBy(() => VirtualMachine.change(undefined, named('copy')))).toEqual([
      'VMClone default/done relatedObject',
    ]);
    // Somebody else has its name.
    expect(clonesAskedBy(() => VirtualMachine.change(undefined, named('restored')))).toEqual([
      'VMClone default/restored relatedObject',
    ]);
    expect(clonesAskedBy(() => VMSnapshot.change(undefined, entryOf(aSnapshot())))).toEqual([
      'VMClone default/restored relatedObject',
    ]);
  });

  test('over the schedule whose snapshot changed', () => {
    const { VMSnapshot, askedBy } = aCluster();
    const labels = { 'virtrigaud.io/snapshot-schedule': 'nightly' };
    const made = entryOf(aSnapshot({ metadata: { labels } }));
    expect(askedBy(() => VMSnapshot.change(undefined, made))).toEqual([
      'VMSnapshotSchedule default/nightly relatedObject',
      'VirtualMachine default/web relatedObject',
    ]);
  });

  test('over other VMs that ask for the address of one that changed', () => {
    const { VirtualMachine, askedBy } = aCluster();
    const spec = { networks: [{ name: 'lan', mac: '02:00:00:00:00:01' }] };
    const [one, two] = ['one', 'two'].map((name) =>
      entryOf(aVirtualMachine({ spec, metadata: { name, uid: name } })),
    );
    VirtualMachine.change(undefined, one);
    VirtualMachine.change(undefined, two);
    expect(askedBy(() => VirtualMachine.change(one, undefined))).toContain(
      'VirtualMachine default/two relatedObject',
    );
  });
});

describe('of VMs that are not made yet, a pass is asked for', () => {
  const waiting = (name: string, spec: Partial<VirtualMachine['spec']> = {}) =>
    entryOf(
      aVirtualMachine({
        metadata: { name, uid: name },
        spec,
        status: {
          conditions: [
            {
              type: 'Ready',
              status: 'False',
              reason: 'NoEligibleNode',
              message: 'No node can take this VM.',
              lastTransitionTime: '2026-03-01T12:00:00Z',
            },
          ],
        },
      }),
    );
  const onNode = (node: string, change: { readonly labels?: Record<string, string> } = {}) =>
    entryOf(
      aVirtualMachine({
        metadata: { name: 'db', uid: 'db', ...change },
        status: { vmid: vmid(101), node: nodeName(node), createdAt: '2026-03-01T08:00:00Z' },
      }),
    );
  const aPolicy = (generation = 1, users = 0) => {
    const { metadata } = aVirtualMachine({ metadata: { name: 'apart', uid: 'apart', generation } });
    return entryOf<VMPlacementPolicy>({
      apiVersion: 'infra.virtrigaud.io/v1beta1',
      kind: 'VMPlacementPolicy',
      metadata,
      spec: {},
      status: { users },
    });
  };
  const naming = entryOf(aProvider({ defaults: { placementRef: { name: 'apart' } } }));
  const vmsAskedBy = (cluster: ReturnType<typeof aCluster>, change: () => void) =>
    cluster.askedBy(change).filter((each) => each.startsWith('VirtualMachine '));

  test('when the policy that only their Provider names is edited, and not when it reports', () => {
    const cluster = aCluster();
    const { Provider, VirtualMachine, VMPlacementPolicy } = cluster;
    Provider.change(undefined, naming);
    VirtualMachine.change(undefined, waiting('db-1'));
    VirtualMachine.change(undefined, onNode('pve-1'));
    VirtualMachine.change(undefined, waiting('elsewhere', { providerRef: { name: 'other' } }));
    const asked = ['VirtualMachine default/db-1 relatedObject'];
    expect(vmsAskedBy(cluster, () => VMPlacementPolicy.change(undefined, aPolicy()))).toEqual(asked);
    expect(vmsAskedBy(cluster, () => VMPlacementPolicy.change(aPolicy(1), aPolicy(2)))).toEqual(asked);
    expect(vmsAskedBy(cluster, () => VMPlacementPolicy.change(aPolicy(2), aPolicy(2, 5)))).toEqual([]);
  });

  test.each([
    { what: 'goes to another node', after: onNode('pve-2') },
    { what: 'is deleted', after: undefined },
    { what: 'is no longer what a policy counts', after: onNode('pve-1', { labels: { app: 'web' } }) },
  ])('for which no node was eligible, when a VM $what', ({ after }) => {
    const cluster = aCluster();
    const { VirtualMachine } = cluster;
    const before = onNode('pve-1');
    VirtualMachine.change(undefined, before);
    VirtualMachine.change(undefined, waiting('db-1'));
    VirtualMachine.change(undefined, entryOf(aVirtualMachine({ metadata: { name: 'new', uid: 'new' } })));
    expect(vmsAskedBy(cluster, () => VirtualMachine.change(before, after))).toEqual([
      'VirtualMachine default/db-1 relatedObject',
    ]);
  });

  test('not when a VM only reports something, or comes to a node', () => {
    const cluster = aCluster();
    const { VirtualMachine } = cluster;
    const before = onNode('pve-1');
    VirtualMachine.change(undefined, waiting('db-1'));
    expect(vmsAskedBy(cluster, () => VirtualMachine.change(undefined, before))).toEqual([]);
    expect(vmsAskedBy(cluster, () => VirtualMachine.change(before, onNode('pve-1')))).toEqual([]);
  });

  test('a limited number at a time: the others look again by themselves', () => {
    const cluster = aCluster();
    const { Provider, VirtualMachine, VMPlacementPolicy } = cluster;
    Provider.change(undefined, naming);
    for (let n = 0; n < 1000; n += 1) VirtualMachine.change(undefined, waiting(`db-${n}`));
    const before = onNode('pve-1');
    expect(vmsAskedBy(cluster, () => VirtualMachine.change(before, undefined))).toHaveLength(32);
    expect(vmsAskedBy(cluster, () => VMPlacementPolicy.change(aPolicy(1), aPolicy(2)))).toHaveLength(256);
  });
});
