import { describe, expect, test } from '@jest/globals';
import { createLinkedClones, withNames } from '../../../../../controllers/shared/cluster/linked-clones.ts';
import { createInventory, pve, PveError, type Refusal } from '../../../../../src/pve/index.ts';
import { nodeName, vmid } from '../../../../../src/lib/units.ts';
import { NOW } from '../../../../builders/guests.ts';
import { InMemoryPve } from '../../../../builders/in-memory-pve.ts';
import { aVirtualMachine } from '../../../../builders/objects.ts';

const CLONE = 'local-lvm:vm-201-disk-0';
const CLONES = [{ volume: CLONE, vmid: vmid(201), listed: true }];

/** A guest on Ceph with a linked clone of its snapshot `one`. */
async function onCeph() {
  const time = { now: NOW };
  const cluster = new InMemoryPve(() => time.now);
  cluster.diskStorage = 'rbd';
  cluster.add(101, { name: 'web' });
  cluster.add(201, { name: 'copy' });
  cluster.linked.set(CLONE, { vmid: 201, parent: 'vm-101-disk-0@one' });
  const lists = { count: 0, refusal: undefined as Refusal | undefined };
  const client = pve((endpoint, params, options) => {
    if (endpoint.path.endsWith('/content')) {
      lists.count += 1;
      if (lists.refusal !== undefined) return Promise.reject(refusedWith(lists.refusal));
    }
    return cluster.send(endpoint, params, options);
  });
  const inventory = createInventory({ pve: client, now: () => time.now });
  await inventory.refresh();
  const guest = { node: nodeName('pve-1'), config: { scsi0: 'local-lvm:vm-101-disk-0,size=8G' } };
  const at = { connection: { pve: client, inventory }, guest, snapshot: 'one' };
  return { cluster, inventory, time, lists, at, clones: createLinkedClones(() => time.now) };
}

const refusedWith = (refusal: Refusal): PveError =>
  new PveError({
    refusal,
    method: 'GET',
    route: '/nodes/{node}/storage/{storage}/content',
    code: '500',
    message: 'No.',
    pveMessage: 'No.',
    absent: undefined,
  });

describe('linked clones that were read', () => {
  test('are remembered for two minutes, and nothing is read again to wait for them', async () => {
    const { clones, at, lists, time } = await onCeph();
    expect(clones.known(at)).toEqual([]);
    expect(await clones.read(at, {})).toEqual(CLONES);
    time.now += 119_000;
    expect(clones.known(at)).toEqual(CLONES);
    expect(await clones.look(at, {})).toEqual(CLONES);
    expect(lists.count).toBe(1);
    time.now += 1_000;
    expect(clones.known(at)).toEqual([]);
    expect(await clones.look(at, {})).toEqual(CLONES);
    expect(lists.count).toBe(2);
  });

  test('are forgotten when the guest of one is gone', async () => {
    const { clones, at, cluster, inventory } = await onCeph();
    await clones.read(at, {});
    cluster.guests.delete(201);
    await inventory.refresh();
    expect(clones.known(at)).toEqual([]);
  });

  test('are forgotten as well when that was made after the list of guests was read', async () => {
    const { clones, at, cluster, inventory } = await onCeph();
    const made = cluster.guests.get(201);
    cluster.guests.delete(201);
    await inventory.refresh();
    if (made) cluster.guests.set(201, made);
    expect(await clones.read(at, {})).toEqual(CLONES);
    cluster.guests.delete(201);
    await inventory.refresh();
    expect(clones.known(at)).toEqual([]);
  });

  test('without a guest are known by their volume, and remembered as well', async () => {
    const { clones, at, cluster, inventory } = await onCeph();
    cluster.guests.delete(201);
    await inventory.refresh();
    const left = [{ ...CLONES[0], listed: false }];
    expect(await clones.read(at, {})).toEqual(left);
    expect(clones.known(at)).toEqual(left);
  });

  test('are always read again where it matters that there are none', async () => {
    const { clones, at, cluster, lists } = await onCeph();
    cluster.linked.clear();
    expect(await clones.read(at, {})).toEqual([]);
    cluster.linked.set(CLONE, { vmid: 201, parent: 'vm-101-disk-0@one' });
    expect(await clones.read(at, {})).toEqual(CLONES);
    expect(lists.count).toBe(2);
  });
});

test.each(['forbidden', 'excessive'] as const)('a list that is %s is left to Proxmox VE', async (refusal) => {
  const { clones, at, lists } = await onCeph();
  lists.refusal = refusal;
  expect(await clones.read(at, {})).toEqual([]);
});

test.each(['unavailable', 'unknown'] as const)('a list that fails (%s) is no list', async (refusal) => {
  const { clones, at, lists } = await onCeph();
  lists.refusal = refusal;
  await expect(clones.read(at, {})).rejects.toThrow('No.');
});

test('a storage that the node of the guest does not have is not asked for', async () => {
  const { clones, at, lists } = await onCeph();
  expect(await clones.read({ ...at, guest: { ...at.guest, node: nodeName('pve-9') } }, {})).toEqual([]);
  expect(lists.count).toBe(0);
});

describe('the VirtualMachine of a clone', () => {
  const vm = aVirtualMachine();
  const copy = (providerRef: { readonly name: string; readonly namespace?: string }) =>
    aVirtualMachine({ metadata: { name: 'copy' }, spec: { providerRef }, status: { vmid: vmid(201) } });

  test('is named if it is in the same namespace', () => {
    const asked: string[] = [];
    const named = withNames(CLONES, vm, (namespace) => {
      asked.push(namespace);
      return [vm, copy({ name: 'pve' })];
    });
    expect(named).toEqual([{ ...CLONES[0], vm: 'copy' }]);
    expect(asked).toEqual(['default']);
  });

  test('is another one if its Provider is: that may have a guest with the same number', () => {
    const others = [copy({ name: 'other' }), copy({ name: 'pve', namespace: 'elsewhere' })];
    expect(withNames(CLONES, vm, () => others)[0]?.vm).toBeUndefined();
  });
});
