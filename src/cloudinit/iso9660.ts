/**
 * Writes an ISO 9660 image (ECMA-119, level 1) of a few flat files, with Joliet and Rock Ridge (RRIP 1991A) so that
 * Windows and Linux both see the files' real names. Pure: equal input gives equal bytes.
 */

/** A file in the root directory. The name is printable ASCII, at most 64 characters, without slash. */
export interface IsoFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface IsoOptions {
  /** At most 16 ASCII characters, the limit of Joliet. */
  readonly volumeId: string;
  /** Names must differ. */
  readonly files: readonly IsoFile[];
  /** The modification time of every file; 1900 to 2155. */
  readonly modifiedAt: Date;
}

const SECTOR = 2048;
/** Sectors 0–15 are the system area; the volume descriptors follow. */
const DESCRIPTORS = 16;
const TERMINATOR = 18;
const PATH_TABLES = 19;
const DIRECTORIES = 23;
const PATH_TABLE_SIZE = 10;

const IS_DIRECTORY = 2;
const SELF = Uint8Array.of(0);
const PARENT = Uint8Array.of(1);

/** File modes for Rock Ridge. User-data may contain secrets, so only root may read it. */
const DIRECTORY_MODE = 0o040555;
const FILE_MODE = 0o100400;

interface Extent {
  readonly sector: number;
  readonly size: number;
}

interface Entry extends Extent {
  readonly id: Uint8Array;
  readonly flags: number;
  /** The System Use field, which contains the Rock Ridge entries. */
  readonly systemUse: Uint8Array;
}

/** One of the two directory hierarchies: the primary one with Rock Ridge, and Joliet's. */
interface Tree {
  readonly encode: (text: string) => Uint8Array;
  /** The escape sequence that identifies the encoding of names. */
  readonly escape: string;
  /** Type of the volume descriptor: 1 primary, 2 supplementary. */
  readonly type: 1 | 2;
  readonly self: Uint8Array;
  readonly parent: Uint8Array;
  /** A file's name without version; entries are sorted by it. */
  readonly fileName: (file: IsoFile, index: number) => Uint8Array;
  readonly version: Uint8Array;
  readonly fileUse: (file: IsoFile) => Uint8Array;
}

/** Each tree has two path tables, one per byte order. */
const pathTableOf = ({ type }: Tree): number => PATH_TABLES + 2 * (type - 1);

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
const ucs2 = (text: string): Uint8Array =>
  Uint8Array.from(
    { length: text.length * 2 },
    (_, at) => (text.charCodeAt(at >> 1) >> (at % 2 === 0 ? 8 : 0)) & 0xff,
  );
const le = (value: number, width: number): number[] =>
  Array.from({ length: width }, (_, at) => Math.floor(value / 256 ** at) % 256);
/** Most numbers are stored twice, in both byte orders. */
const both = (value: number, width: number): number[] => [...le(value, width), ...le(value, width).reverse()];
const sectors = (size: number): number => Math.ceil(size / SECTOR);

const shortDate = (at: Date): number[] => [
  at.getUTCFullYear() - 1900,
  at.getUTCMonth() + 1,
  at.getUTCDate(),
  at.getUTCHours(),
  at.getUTCMinutes(),
  at.getUTCSeconds(),
  0,
];
const longDate = (at: Date): number[] => [...ascii(at.toISOString().replace(/\D/g, '').slice(0, 16)), 0];

/** Level 1 names have the form 8.3. A number replaces the last characters if two files would have the same name. */
function levelOneNames(files: readonly IsoFile[]): string[] {
  const taken = new Set<string>();
  for (const { name } of files) {
    const dot = name.lastIndexOf('.');
    const clean = (text: string): string => text.toUpperCase().replace(/[^A-Z0-9]/g, '_');
    const stem = clean(dot > 0 ? name.slice(0, dot) : name);
    const extension = dot > 0 ? clean(name.slice(dot + 1)).slice(0, 3) : '';
    const numbered = (n: number): string => {
      const suffix = n === 0 ? '' : String(n);
      return `${stem.slice(0, 8 - suffix.length)}${suffix}.${extension}`;
    };
    let n = 0;
    while (taken.has(numbered(n))) n += 1;
    taken.add(numbered(n));
  }
  return [...taken];
}

const susp = (signature: string, data: Iterable<number>): number[] => {
  const body = [...data];
  return [...ascii(signature), body.length + 4, 1, ...body];
};
const posix = (mode: number, links: number): number[] =>
  susp('PX', [...both(mode, 4), ...both(links, 4), ...both(0, 4), ...both(0, 4)]);
const rootUse = Uint8Array.from([
  ...susp('SP', [0xbe, 0xef, 0]),
  ...posix(DIRECTORY_MODE, 2),
  // The identifier of the extension, without the optional description.
  ...susp('ER', [10, 0, 0, 1, ...ascii('RRIP_1991A')]),
]);
const parentUse = Uint8Array.from(posix(DIRECTORY_MODE, 2));
const fileUse = ({ name }: IsoFile): Uint8Array =>
  Uint8Array.from([...posix(FILE_MODE, 1), ...susp('NM', [0, ...ascii(name)])]);
const nothing = new Uint8Array();

function directoryRecord(entry: Entry, at: Date): Uint8Array {
  const padding = entry.id.length % 2 === 0 ? 1 : 0;
  const length = 33 + entry.id.length + padding + entry.systemUse.length;
  const even = length + (length % 2);
  const record = new Uint8Array(even);
  record.set([even, 0, ...both(entry.sector, 4), ...both(entry.size, 4), ...shortDate(at), entry.flags]);
  record.set([...both(1, 2), entry.id.length, ...entry.id], 28);
  record.set(entry.systemUse, 33 + entry.id.length + padding);
  return record;
}

/** Concatenates records. A record must not cross a sector boundary. */
function directory(records: readonly Uint8Array[]): Uint8Array {
  const offsets: number[] = [];
  let end = 0;
  for (const record of records) {
    const left = SECTOR - (end % SECTOR);
    const start = record.length > left ? end + left : end;
    offsets.push(start);
    end = start + record.length;
  }
  const bytes = new Uint8Array(sectors(end) * SECTOR);
  records.forEach((record, index) => bytes.set(record, offsets[index] ?? 0));
  return bytes;
}

function treeDirectory(
  tree: Tree,
  { files, modifiedAt }: IsoOptions,
  own: Extent,
  contents: readonly Extent[],
): Uint8Array {
  const entries = files
    .map((file, index): Entry => {
      const extent = contents[index] ?? own;
      return { ...extent, id: tree.fileName(file, index), flags: 0, systemUse: tree.fileUse(file) };
    })
    .toSorted((a, b) => Buffer.compare(a.id, b.id))
    .map((entry): Entry => ({ ...entry, id: Uint8Array.of(...entry.id, ...tree.version) }));
  const dots: Entry[] = [
    { ...own, id: SELF, flags: IS_DIRECTORY, systemUse: tree.self },
    { ...own, id: PARENT, flags: IS_DIRECTORY, systemUse: tree.parent },
  ];
  return directory([...dots, ...entries].map((entry) => directoryRecord(entry, modifiedAt)));
}

function volumeDescriptor(tree: Tree, options: IsoOptions, root: Extent, total: number): Uint8Array {
  const { volumeId, modifiedAt } = options;
  const sector = new Uint8Array(SECTOR);
  const text = (offset: number, width: number, value: string): void => {
    const padded = tree.encode(value.padEnd(width, ' ')).subarray(0, width);
    sector.set(padded, offset);
  };
  sector.set([tree.type, ...ascii('CD001'), 1]);
  text(8, 32, '');
  text(40, 32, volumeId);
  sector.set(both(total, 4), 80);
  sector.set(ascii(tree.escape), 88);
  sector.set([...both(1, 2), ...both(1, 2), ...both(SECTOR, 2), ...both(PATH_TABLE_SIZE, 4)], 120);
  sector.set(le(pathTableOf(tree), 4), 140);
  sector.set(le(pathTableOf(tree) + 1, 4).reverse(), 148);
  sector.set(
    directoryRecord({ ...root, id: SELF, flags: IS_DIRECTORY, systemUse: nothing }, modifiedAt),
    156,
  );
  // Publisher, application and similar fields: blank.
  text(190, 623, '');
  // Creation and modification time; no expiration and no effective date.
  sector.set([...longDate(modifiedAt), ...longDate(modifiedAt)], 813);
  for (const offset of [847, 864]) sector.set([...ascii('0'.repeat(16)), 0], offset);
  sector[881] = 1;
  return sector;
}

/** The root is the only directory, so a path table has one record. The big-endian copy follows in the next sector. */
function pathTables(root: Extent): Uint8Array {
  const tables = new Uint8Array(2 * SECTOR);
  tables.set([1, 0, ...le(root.sector, 4), 1, 0, 0, 0]);
  tables.set([1, 0, ...le(root.sector, 4).reverse(), 0, 1, 0, 0], SECTOR);
  return tables;
}

/**
 * Builds the whole image.
 *
 * @returns bytes whose length is a multiple of 2048.
 */
export function buildIso(options: IsoOptions): Uint8Array {
  const { files } = options;
  const shortNames = levelOneNames(files);
  const plain: Tree = {
    encode: ascii,
    escape: '',
    type: 1,
    self: rootUse,
    parent: parentUse,
    fileName: (_file, index) => ascii(shortNames[index] ?? ''),
    version: ascii(';1'),
    fileUse,
  };
  const joliet: Tree = {
    encode: ucs2,
    escape: '%/E',
    type: 2,
    self: nothing,
    parent: nothing,
    fileName: ({ name }) => ucs2(name),
    version: nothing,
    fileUse: () => nothing,
  };

  // The size of a directory does not depend on the location of the files: a draft determines it.
  const draft = files.map(({ bytes }): Extent => ({ sector: 0, size: bytes.length }));
  let next = DIRECTORIES;
  const place = (size: number): Extent => {
    const extent = { sector: next, size };
    next += Math.max(1, sectors(size));
    return extent;
  };
  const roots = [plain, joliet].map((tree) => ({
    tree,
    root: place(treeDirectory(tree, options, { sector: 0, size: 0 }, draft).length),
  }));
  const contents = files.map(({ bytes }) => place(bytes.length));

  const image = new Uint8Array(next * SECTOR);
  for (const { tree, root } of roots) {
    image.set(volumeDescriptor(tree, options, root, next), (DESCRIPTORS + tree.type - 1) * SECTOR);
    image.set(pathTables(root), pathTableOf(tree) * SECTOR);
    image.set(treeDirectory(tree, options, root, contents), root.sector * SECTOR);
  }
  image.set([255, ...ascii('CD001'), 1], TERMINATOR * SECTOR);
  files.forEach(({ bytes }, index) => image.set(bytes, (contents[index]?.sector ?? 0) * SECTOR));
  return image;
}
