/** A VM on Ceph whose snapshots linked clones need. */
import { describe, expect, test } from '@jest/globals';
import { FORCE_DELETE } from '../../../../../src/api/index.ts';
import { Life, type LifeOptions } from '../../../../builders/life.ts';
import { aVirtualMachine, OTHER_UID, UID } from '../../../../builders/objects.ts';
import { atCalls, Saboteur } from '../../../../builders/saboteur.ts';
import { vmid } from '../../../../../src/lib/units.ts';
import { manyFaults, oneFaultEach, type Story } from './everywhere.ts';

const CLONE = 'local-lvm:vm-201-disk-0';
const LIST = 'GET /nodes/{node}/storage/{storage}/content';
const HARMFUL = /^(DELETE|POST .*\/status\/)/;

function guestOf(life: Life) {
  const [guest] = life.pve.guestsOf(UID);
  if (!guest) throw new Error('There is no guest.');
  return guest;
}

/** It runs and has a snapshot. */
async function withSnapshot(options: LifeOptions = {}): Promise<Life> {
  const life = new Life(options);
  life.pve.diskStorage = 'rbd';
  await life.untilReady();
  const guest = guestOf(life);
  guest.config = { ...guest.config, parent: 'one' };
  guest.snapshots.set('one', { description: '', memory: false, takenAt: life.now, parent: undefined });
  return life;
}

function addClone(life: Life): void {
  life.pve.add(201, { name: 'copy', scsi0: `${CLONE},size=8G` });
  life.pve.linked.set(CLONE, { vmid: 201, parent: `vm-${guestOf(life).vmid}-disk-0@one` });
}

function removeClone(life: Life): void {
  life.pve.guests.delete(201);
  life.pve.linked.delete(CLONE);
}

const said = (life: Life): string =>
  life.status.conditions?.find(({ type }) => type === 'Reconciling')?.message ?? '';
const isInUse = (life: Life): boolean =>
  life.status.conditions?.some(({ type, reason }) => type === 'Reconciling' && reason === 'InUse') === true;

async function waiting(options: LifeOptions = {}): Promise<Life> {
  const life = await withSnapshot(options);
  addClone(life);
  life.store.markDeleted();
  await life.until(() => isInUse(life));
  return life;
}

const harm = (life: Life): readonly string[] => life.pve.requests.filter((each) => HARMFUL.test(each));

describe('a VM on Ceph whose snapshot a linked clone needs', () => {
  test('is neither stopped nor destroyed: the object waits and names the clone', async () => {
    const life = await waiting();
    const before = harm(life).length;
    for (let pass = 0; pass < 20; pass += 1) await life.pass();
    expect(said(life)).toMatch(
      /is neither stopped nor destroyed: linked clones on Ceph need its disks, VM 201\. It is deleted once the clones are deleted/,
    );
    expect(guestOf(life).running).toBe(true);
    expect(harm(life)).toHaveLength(before);
    expect(life.process.events.filter(({ reason }) => reason === 'InUse')).toHaveLength(1);
  });

  test('names the VirtualMachine of the clone if it is of the same namespace and Provider, and no other', async () => {
    const copy = (namespace: string) =>
      aVirtualMachine({ metadata: { name: 'copy', namespace, uid: OTHER_UID }, status: { vmid: vmid(201) } });
    const own = await waiting({ others: () => [copy('default')] });
    expect(said(own)).toContain('VM 201 (VirtualMachine copy)');
  });

  test('is destroyed once the clone is gone', async () => {
    const life = await waiting();
    removeClone(life);
    await life.until(() => life.store.live() === undefined);
    expect([...life.pve.guests.keys()]).toEqual([9000]);
  });

  test('stays in Proxmox VE, running, with the deletion policy Retain, which waits for nothing', async () => {
    const life = await withSnapshot({ vm: { spec: { deletionPolicy: 'Retain' } } });
    addClone(life);
    await life.delete();
    expect([...life.pve.guests.values()].some(({ running }) => running)).toBe(true);
    expect(life.pve.requests).not.toContain(LIST);
  });

  test('stays as well if the object is deleted by force', async () => {
    const life = await waiting();
    life.store.annotate({ [FORCE_DELETE]: 'true' });
    await life.until(() => life.store.live() === undefined);
    expect(life.pve.guests.size).toBe(3);
  });

  test('costs one list of volumes in two minutes while it waits', async () => {
    const life = await waiting();
    const since = life.now;
    const count = () => life.pve.requests.filter((each) => each === LIST).length;
    const before = count();
    while (life.now - since < 20 * 60_000) await life.pass();
    expect(count() - before).toBeLessThanOrEqual(10);
  });
});

test('a VM without snapshots is destroyed without a look at the volumes, and so is one on another storage', async () => {
  const without = new Life();
  without.pve.diskStorage = 'rbd';
  await without.untilReady();
  await without.delete();
  expect(without.pve.requests).not.toContain(LIST);
  const elsewhere = await withSnapshot();
  elsewhere.pve.diskStorage = 'lvmthin';
  await elsewhere.pass();
  await elsewhere.delete();
  expect(elsewhere.pve.requests).not.toContain(LIST);
});

describe('waiting for a clone, and destroyed after it', () => {
  const live: Story = async (faults) => {
    const saboteur = new Saboteur(atCalls(faults));
    const life = await withSnapshot({ between: saboteur.between, isDead: saboteur.isDead });
    addClone(life);
    const before = harm(life).length;
    life.store.markDeleted();
    await life.until(() => isInUse(life));
    for (let pass = 0; pass < 5; pass += 1) await life.pass();
    const harmed = harm(life).length - before;
    const { running } = guestOf(life);
    removeClone(life);
    await life.until(() => life.store.live() === undefined);
    return { calls: saboteur.called, seen: { harmed, running, guests: [...life.pve.guests.keys()] } };
  };
  const END = { harmed: 0, running: true, guests: [9000] };

  test('whatever happens to any one call', async () => {
    expect(await oneFaultEach(live, END)).toContain(LIST);
  }, 120_000);

  test('whatever happens to any calls', () => manyFaults(live, END), 60_000);
});
