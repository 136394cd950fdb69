import { describe, expect, test } from '@jest/globals';
import { createMarks } from '../../../../../controllers/shared/guests/marks.ts';
import { printMark } from '../../../../../controllers/shared/guests/owner-mark.ts';
import { pve, PveError, type GuestView, type Send } from '../../../../../src/pve/index.ts';
import { minutes, nodeName, vmid, type Vmid } from '../../../../../src/lib/units.ts';
import { aMark, FOREIGN, NOW } from '../../../../builders/guests.ts';
import { aNode, aRow, aView } from '../../../../builders/views.ts';

const UUID = '11111111-2222-3333-4444-555555555555';

const row = (number: number, name: string, more: Partial<GuestView> = {}): GuestView =>
  aRow({ vmid: vmid(number), name, ...more });

/** Guests by number, with the mark that each carries, and what was read of them. */
function aCluster(rows: readonly GuestView[], marks: Readonly<Record<number, string>>) {
  const read: number[] = [];
  const broken = new Map<number, Pick<PveError, 'refusal' | 'absent'>>();
  let moved: readonly GuestView[] = [];
  const claimed = new Set<Vmid>();
  let now = NOW;
  const send: Send = (endpoint, params) => {
    const { vmid: number, node } = params as { readonly vmid: number; readonly node: string };
    read.push(number);
    const fault = node === 'pve-2' ? undefined : broken.get(number);
    const facts = { method: 'GET', route: endpoint.path, code: '500', message: 'not now' } as const;
    if (fault) return Promise.reject(new PveError({ ...facts, ...fault }));
    return Promise.resolve(
      endpoint.reply.parse({ digest: 'd', description: marks[number] ?? 'a note', smbios1: `uuid=${UUID}` }),
    );
  };
  const index = createMarks(
    { pve: pve(send), inventory: { refresh: () => Promise.resolve(aView({ guests: moved })) } },
    () => claimed,
    () => now,
  );
  const guests = new Map(rows.map((each) => [each.vmid, each]));
  return {
    read,
    broken,
    claimed,
    guests,
    listNow: (...rows: readonly GuestView[]) => void (moved = rows),
    wait: (ms: number) => void (now += ms),
    find: (change: Parameters<typeof aView>[0] = {}) =>
      index.find(
        aView({ guests: [...guests.values()], ...change }),
        { name: 'web', is: ({ mark }) => mark.name === 'web' },
        {},
      ),
  };
}

describe('the guest of an owner', () => {
  test('is found by its mark, whatever its name is', async () => {
    const cluster = aCluster([row(101, 'db'), row(102, 'renamed')], {
      101: printMark(FOREIGN),
      102: printMark(aMark()),
    });
    expect(await cluster.find()).toEqual([
      { vmid: 102, node: 'pve-1', mark: aMark(), uuid: UUID, template: false },
    ]);
  });

  test('is reported by the mark that it carries now', async () => {
    const marks = { 102: printMark(aMark()) };
    const cluster = aCluster([row(102, 'renamed')], marks);
    await cluster.find();
    marks[102] = printMark(aMark({ uid: 'another' }));
    expect(await cluster.find()).toMatchObject([{ mark: { uid: 'another' } }]);
    marks[102] = printMark(FOREIGN);
    expect(await cluster.find()).toEqual([]);
  });

  test('is read each time where it has the name, and else once in ten minutes', async () => {
    const cluster = aCluster([row(101, 'web'), row(102, 'other')], {});
    await cluster.find();
    await cluster.find();
    expect(cluster.read).toEqual([102, 101, 101]);
    cluster.wait(minutes(10));
    await cluster.find();
    expect(cluster.read.filter((number) => number === 102)).toHaveLength(2);
  });

  test('is read again once it was renamed', async () => {
    const cluster = aCluster([row(102, 'other')], {});
    await cluster.find();
    cluster.guests.set(vmid(102), row(102, 'another'));
    await cluster.find();
    expect(cluster.read).toEqual([102, 102]);
  });

  test('is found with all others that have such a mark, by their VMIDs', async () => {
    const cluster = aCluster([row(105, 'copy', { template: true }), row(102, 'web'), row(101, 'db')], {
      105: printMark(aMark()),
      102: printMark(aMark()),
      101: printMark(FOREIGN),
    });
    expect(await cluster.find()).toMatchObject([
      { vmid: 102, template: false },
      { vmid: 105, template: true },
    ]);
  });

  test('is not looked for among containers and guests that other objects have', async () => {
    const rows = [row(102, 'b', { type: 'lxc' }), row(103, 'c')];
    const cluster = aCluster(rows, {});
    cluster.claimed.add(vmid(103));
    expect(await cluster.find()).toEqual([]);
    expect(cluster.read).toEqual([]);
  });

  test.each([
    ['of the name', 'web'],
    ['of another name', 'other'],
  ])('may be one %s that cannot be read now, so nothing is said', async (_what, name) => {
    const cluster = aCluster([row(102, name)], { 102: printMark(aMark()) });
    cluster.broken.set(102, { refusal: 'unavailable', absent: undefined });
    await expect(cluster.find()).rejects.toThrow('not now');
    cluster.broken.clear();
    expect(await cluster.find()).toMatchObject([{ vmid: 102 }]);
  });

  test('is none that the credentials may not read', async () => {
    const cluster = aCluster([row(102, 'other')], { 102: printMark(aMark()) });
    cluster.broken.set(102, { refusal: 'forbidden', absent: undefined });
    expect(await cluster.find()).toEqual([]);
  });

  test.each(['web', 'other'])('is found where it was moved to since the list was read: %s', async (name) => {
    const cluster = aCluster([row(102, name)], { 102: printMark(aMark()) });
    cluster.broken.set(102, { refusal: 'notFound', absent: 'guest' });
    expect(await cluster.find()).toEqual([]); // it went
    cluster.listNow(row(102, name, { node: nodeName('pve-2') }));
    cluster.wait(minutes(10));
    expect(await cluster.find()).toMatchObject([{ vmid: 102 }]);
  });

  test('on a node that is offline is not asked for', async () => {
    const cluster = aCluster([row(102, 'other', { node: nodeName('pve-2') })], {});
    await cluster.find({ nodes: [aNode('pve-1'), aNode('pve-2', { online: false })] });
    expect(cluster.read).toEqual([]);
  });
});
