import { describe, expect, test } from '@jest/globals';
import fc from '../../builders/fast-check.ts';
import { buildIso, type IsoFile } from '../../../src/cloudinit/iso9660.ts';

const SECTOR = 2048;
const modifiedAt = new Date('2026-03-04T05:06:07Z');

/** A reader written from ECMA-119, independent of the writer. */
function readIso(image: Uint8Array) {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const latin = (from: number, length: number) =>
    Buffer.from(image.subarray(from, from + length)).toString('latin1');
  const ucs2 = (from: number, length: number) =>
    Buffer.from(image.slice(from, from + length))
      .swap16()
      .toString('utf16le');
  const both32 = (at: number) => {
    const little = view.getUint32(at, true);
    expect(view.getUint32(at + 4, false)).toBe(little);
    return little;
  };
  const both16 = (at: number) => {
    const little = view.getUint16(at, true);
    expect(view.getUint16(at + 2, false)).toBe(little);
    return little;
  };
  const rockRidge = (from: number, end: number) => {
    const found: Record<string, Uint8Array> = {};
    for (let at = from; at + 4 <= end; at += image[at + 2]!)
      found[latin(at, 2)] = image.slice(at + 4, at + image[at + 2]!);
    return found;
  };
  const record = (at: number) => {
    const length = image[at]!;
    const idLength = image[at + 32]!;
    expect(length % 2).toBe(0);
    expect(both16(at + 28)).toBe(1);
    return {
      length,
      sector: both32(at + 2),
      size: both32(at + 10),
      date: [...image.subarray(at + 18, at + 25)],
      directory: image[at + 25] === 2,
      idAt: at + 33,
      idLength,
      use: rockRidge(at + 33 + idLength + (idLength % 2 === 0 ? 1 : 0), at + length),
    };
  };
  const tree = (descriptorSector: number) => {
    const at = descriptorSector * SECTOR;
    expect(both32(at + 80) * SECTOR).toBe(image.length);
    expect(both16(at + 128)).toBe(SECTOR);
    const root = record(at + 156);
    expect(view.getUint32(view.getUint32(at + 140, true) * SECTOR + 2, true)).toBe(root.sector);
    expect(view.getUint32(view.getUint32(at + 148, false) * SECTOR + 2, false)).toBe(root.sector);
    const records = [];
    const end = root.sector * SECTOR + root.size;
    for (let place = root.sector * SECTOR; place < end;) {
      if (image[place] === 0) {
        place += SECTOR - (place % SECTOR);
        continue;
      }
      const entry = record(place);
      expect(Math.floor(place / SECTOR)).toBe(Math.floor((place + entry.length - 1) / SECTOR));
      records.push(entry);
      place += entry.length;
    }
    const [self, parent, ...files] = records;
    expect([self!.sector, parent!.sector]).toEqual([root.sector, root.sector]);
    expect([self!.directory, parent!.directory]).toEqual([true, true]);
    return { type: image[at], magic: latin(at + 1, 5), at, self: self!, files };
  };
  const contents = ({ sector, size }: { sector: number; size: number }) =>
    image.slice(sector * SECTOR, sector * SECTOR + size);
  /** Follows the directories; each is also found in the path table, with the row of its parent. */
  const walk = (names: 'plain' | 'rockRidge' | 'joliet') => {
    const descriptor = (names === 'joliet' ? 17 : 16) * SECTOR;
    const text = names === 'joliet' ? ucs2 : latin;
    const rows: { id: string; sector: number; parent: number }[] = [];
    const table = view.getUint32(descriptor + 140, true) * SECTOR;
    for (let at = table; at < table + both32(descriptor + 132);) {
      const length = image[at]!;
      rows.push({
        id: length === 1 ? '' : text(at + 8, length),
        sector: view.getUint32(at + 2, true),
        parent: view.getUint16(at + 6, true),
      });
      at += 8 + length + (length % 2);
    }
    const found: string[] = [];
    const read: string[] = [];
    const visit = (sector: number, prefix: string, parent: number): void => {
      const own = rows.findIndex((row) => row.sector === sector) + 1;
      expect(rows[own - 1]).toMatchObject({ parent: prefix === '' ? 1 : parent });
      const end = sector * SECTOR + SECTOR;
      for (let at = sector * SECTOR; at < end && image[at] !== 0; at += image[at]!) {
        const entry = record(at);
        if (entry.idLength === 1 && image[entry.idAt]! < 2) continue;
        const id = text(entry.idAt, entry.idLength);
        const name = names === 'rockRidge' ? Buffer.from(entry.use['NM']!.subarray(1)).toString() : id;
        found.push(prefix + name);
        if (entry.directory) {
          expect(rows.find((row) => row.sector === entry.sector)?.id).toBe(id);
          visit(entry.sector, `${prefix}${name}/`, own);
        } else read.push(Buffer.from(contents(entry)).toString());
      }
    };
    visit(record(descriptor + 156).sector, '', 1);
    return { found: found.toSorted(), read: read.toSorted() };
  };
  return { latin, ucs2, plain: tree(16), joliet: tree(17), contents, walk };
}

const file = (name: string, text = name): IsoFile => ({ name, bytes: new TextEncoder().encode(text) });
const build = (files: readonly IsoFile[]) => buildIso({ volumeId: 'cidata', files, modifiedAt });
const byName = (a: readonly [string, ...unknown[]], b: readonly [string, ...unknown[]]) =>
  a[0] < b[0] ? -1 : 1;

const names = fc.uniqueArray(fc.stringMatching(/^[a-z0-9-]{1,40}(\.[a-z]{1,8})?$/), { maxLength: 60 });
const someFiles = names.chain((list) =>
  fc.tuple(
    ...list.map((name) => fc.uint8Array({ maxLength: 5000 }).map((bytes): IsoFile => ({ name, bytes }))),
  ),
);

describe('an ISO 9660 image', () => {
  test('gives every file back under its name, through Rock Ridge and through Joliet', () => {
    fc.assert(
      fc.property(someFiles, (files) => {
        const iso = readIso(build(files));
        const expected = files.map(({ name, bytes }) => [name, Buffer.from(bytes)] as const).toSorted(byName);
        const rockRidge = iso.plain.files.map(
          (entry) =>
            [Buffer.from(entry.use['NM']!.subarray(1)).toString(), Buffer.from(iso.contents(entry))] as const,
        );
        const joliet = iso.joliet.files.map(
          (entry) => [iso.ucs2(entry.idAt, entry.idLength), Buffer.from(iso.contents(entry))] as const,
        );
        expect(rockRidge.toSorted(byName)).toEqual(expected);
        expect(joliet).toEqual(expected);
      }),
    );
  });

  test('has distinct, sorted names of level 1', () => {
    fc.assert(
      fc.property(someFiles, (files) => {
        const iso = readIso(build(files));
        const short = iso.plain.files.map(({ idAt, idLength }) => iso.latin(idAt, idLength));
        for (const name of short) expect(name).toMatch(/^[A-Z0-9_]{1,8}\.[A-Z0-9_]{0,3};1$/);
        expect(new Set(short).size).toBe(files.length);
        // Shorter names count as filled up with spaces.
        const padded = short.map((name) => {
          const [stem = '', extension = ''] = name.replace(';1', '').split('.');
          return stem.padEnd(8) + extension.padEnd(3);
        });
        expect(padded).toEqual(padded.toSorted());
      }),
    );
  });

  test('is the same for the same input', () => {
    fc.assert(fc.property(someFiles, (files) => Buffer.compare(build(files), build(files)) === 0));
  });

  test('carries its label in both volume descriptors', () => {
    const iso = readIso(build([file('user-data')]));
    expect(iso.latin(iso.plain.at + 40, 32)).toBe('cidata'.padEnd(32));
    expect(iso.ucs2(iso.joliet.at + 40, 32)).toBe('cidata'.padEnd(16));
    expect([iso.plain.type, iso.plain.magic, iso.joliet.type, iso.joliet.magic]).toEqual([
      1,
      'CD001',
      2,
      'CD001',
    ]);
    expect(iso.latin(iso.joliet.at + 88, 3)).toBe('%/E');
    expect(iso.latin(18 * SECTOR, 7)).toBe('\xffCD001\x01');
  });

  test('shows the given time, not the present', () => {
    const iso = readIso(build([file('user-data')]));
    expect(iso.plain.files[0]!.date).toEqual([126, 3, 4, 5, 6, 7, 0]);
    expect(iso.latin(iso.plain.at + 813, 16)).toBe('2026030405060700');
  });

  test('lets only root read the files', () => {
    const iso = readIso(build([file('user-data')]));
    const modeAndOwner = iso.plain.files[0]!.use['PX']!;
    const view = new DataView(modeAndOwner.buffer);
    expect([view.getUint32(0, true).toString(8), view.getUint32(16, true), view.getUint32(24, true)]).toEqual(
      ['100400', 0, 0],
    );
  });

  test('announces Rock Ridge in the first record of the root', () => {
    const { use } = readIso(build([file('user-data')])).plain.self;
    expect([...use['SP']!]).toEqual([0xbe, 0xef, 0]);
    expect(Buffer.from(use['ER']!).toString('latin1')).toContain('RRIP_1991A');
  });

  test.each([
    [
      ['user-data', 'user-data-2'],
      ['USER_DA1.;1', 'USER_DAT.;1'],
    ],
    [
      ['a.b.txt', 'a_b.text'],
      ['A_B.TEX;1', 'A_B.TXT;1'],
    ],
    [['.hidden'], ['_HIDDEN.;1']],
  ])('shortens %p to %p', (long, short) => {
    const iso = readIso(build(long.map((name) => file(name))));
    expect(iso.plain.files.map(({ idAt, idLength }) => iso.latin(idAt, idLength))).toEqual(short);
  });

  test('has folders in both hierarchies, each with its own place in the path table', () => {
    const files = ['openstack/latest/user_data', 'openstack/latest/a.json', 'openstack/content/0000', 'top'];
    const { walk } = readIso(build(files.map((name) => file(name))));
    const all = [...files, 'openstack', 'openstack/latest', 'openstack/content'].toSorted();
    // Each file contains its own name.
    expect(walk('rockRidge')).toEqual({ found: all, read: files.toSorted() });
    expect(walk('joliet')).toEqual({ found: all, read: files.toSorted() });
    expect(walk('plain').found).toEqual([
      'OPENSTAC',
      'OPENSTAC/CONTENT',
      'OPENSTAC/CONTENT/0000.;1',
      'OPENSTAC/LATEST',
      'OPENSTAC/LATEST/A.JSO;1',
      'OPENSTAC/LATEST/USER_DAT.;1',
      'TOP.;1',
    ]);
  });
});
