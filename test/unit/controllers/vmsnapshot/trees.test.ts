import { expect, test } from '@jest/globals';
import { createTrees, type At } from '../../../../controllers/vmsnapshot/observe/trees.ts';
import { nodeName, vmid } from '../../../../src/lib/units.ts';
import { NOW } from '../../../builders/guests.ts';

/** A guest without snapshots on the PVE cluster that `cluster` stands for. */
const at = (uid: string, cluster: object): At => {
  const qemu = {
    config: () => Promise.resolve({ values: {}, digest: 'd' }),
    status: () => Promise.resolve({ status: 'stopped', ha: { managed: false } }),
    snapshots: { list: () => Promise.resolve({ snapshots: [], parent: undefined }) },
  };
  const row = { node: nodeName('pve-1'), type: 'qemu' };
  const view = { guests: new Map([[vmid(101), row]]), nodes: [], activeTasks: [] };
  const connection = {
    ledger: cluster,
    inventory: { view: () => view },
    pve: { node: () => ({ qemu: () => qemu }) },
  };
  return { uid, connection: connection as unknown as At['connection'], vmid: vmid(101), hint: undefined };
};

test('the scan comes to one VM of each PVE cluster, the one read longest ago, and to none within five minutes', async () => {
  let now = NOW;
  const trees = createTrees(() => now);
  const [one, two] = [{}, {}];
  const all = [at('a', one), at('b', one), at('c', two)];
  for (const each of all) {
    await trees.read(each, {});
    now += 1000;
  }
  now = NOW + 299_000;
  expect(trees.takeOldest()).toEqual([]);
  now = NOW + 303_500;
  expect(trees.takeOldest()).toEqual(['a', 'c']);
  expect(all.map((each) => trees.known(each) !== undefined)).toEqual([false, true, false]);
  expect(trees.takeOldest()).toEqual(['b']);
  expect(trees.takeOldest()).toEqual([]);
});
