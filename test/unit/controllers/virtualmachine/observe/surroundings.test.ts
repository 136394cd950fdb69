import { expect, test } from '@jest/globals';
import type { ClusterFacts } from '../../../../../controllers/virtualmachine/model/surroundings.ts';
import type { PlainSpec } from '../../../../../controllers/virtualmachine/model/resolved-spec.ts';
import { rowOf, surroundingsOf } from '../../../../../controllers/virtualmachine/observe/surroundings.ts';
import type { NodeView } from '../../../../../src/pve/index.ts';
import { bytes, GiB, nodeName, upid, vmid } from '../../../../../src/lib/units.ts';
import { aNode, aRow, aView } from '../../../../builders/views.ts';

const around = (node: Partial<NodeView>, host?: string) => {
  const view = aView({ nodes: [aNode('pve-1'), aNode('pve-2', node)], guests: [aRow()] });
  const cluster = { view, nodeSelector: [], defaults: {} } as unknown as ClusterFacts;
  const spec = { shape: undefined, host: host && nodeName(host) } as unknown as PlainSpec;
  return surroundingsOf(cluster, spec, {
    vmid: vmid(101),
    node: nodeName(host === undefined ? 'pve-2' : 'pve-1'),
  });
};

test('what a settled guest rests on differs when the node of its host enters HA maintenance, and when it leaves it', () => {
  const host = 'pve-2';
  expect(around({ hastate: 'maintenance' }, host)).not.toEqual(around({}, host));
  expect(around({ hastate: 'online' }, host)).toEqual(around({}, host));
});

test('what a settled guest rests on differs after a task on its snapshots, which no list shows', () => {
  const after = (task?: string) =>
    rowOf(
      aView({ nodes: [], guests: [aRow({ ...(task !== undefined && { snapshotTask: upid(task) }) })] }),
      vmid(101),
    );
  const [first, second] = ['qmsnapshot', 'qmdelsnapshot'].map((type) =>
    after(`UPID:pve-1:000A1B2C:01234567:69A42F40:${type}:101:operator@pve:`),
  );
  expect(first).not.toEqual(after());
  expect(second).not.toEqual(first);
});

test('the memory of its node is known where the node reports it', () => {
  expect(around({ memory: bytes(32 * GiB) }).cpus.nodeMemory).toBe(32 * GiB);
  expect(around({ memory: bytes(0) }).cpus).not.toHaveProperty('nodeMemory');
});
