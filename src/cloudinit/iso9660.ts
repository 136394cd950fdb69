/**
 * Writes an ISO 9660 image (ECMA-119, level 1) of a few files, with Joliet and Rock Ridge (RRIP 1991A) so that Windows
 * and Linux both see the files' real names. Pure: equal input gives equal bytes.
 */
import { ascii, both, le, longDate, SECTOR, sectors, ucs2 } from './iso-fields.ts';
import { directory, directoryRecord, type Entry, type Extent } from './iso-directory.ts';
import { childrenOf, levelOneNames, nodesOf, ROOT, type IsoFile, type IsoNode } from './iso-tree.ts';
import { directoryUse, dotUse, fileUse, rootUse } from './rock-ridge.ts';

export type { IsoFile };

export interface IsoOptions {
  /** At most 16 ASCII characters, the limit of Joliet. */
  readonly volumeId: string;
  /** Names must differ. */
  readonly files: readonly IsoFile[];
  /** The modification time of every file; 1900 to 2155. */
  readonly modifiedAt: Date;
}

/** Sectors 0–15 are the system area; the volume descriptors follow. */
const DESCRIPTORS = 16;
const TERMINATOR = 18;
const PATH_TABLES = 19;
const DIRECTORIES = 23;

const IS_DIRECTORY = 2;
const SELF = Uint8Array.of(0);
const PARENT = Uint8Array.of(1);
const NOTHING = new Uint8Array();

/** One of the two directory hierarchies: the primary one with Rock Ridge, and Joliet's. */
interface Tree {
  readonly encode: (text: string) => Uint8Array;
  /** The escape sequence that identifies the encoding of names. */
  readonly escape: string;
  /** Type of the volume descriptor: 1 primary, 2 supplementary. */
  readonly type: 1 | 2;
  /** A node's name without version; entries are sorted by it. */
  readonly idOf: (node: IsoNode) => Uint8Array;
  readonly version: Uint8Array;
  readonly hasRockRidge: boolean;
}

/** What both hierarchies show, and where it is. */
interface Layout {
  readonly nodes: readonly IsoNode[];
  /** By path. Files have one place, directories one for each hierarchy. */
  readonly extents: ReadonlyMap<string, Extent>;
  readonly modifiedAt: Date;
}

/** Each tree has two path tables, one per byte order. */
const pathTableOf = ({ type }: Tree): number => PATH_TABLES + 2 * (type - 1);
const isDirectory = ({ file }: IsoNode): boolean => file === undefined;
const NOWHERE: Extent = { sector: 0, size: 0 };
const extentOf = ({ extents }: Layout, path: string): Extent => extents.get(path) ?? NOWHERE;

/** A directory has a link in its parent, its own, and one in each directory within it. */
const linksOf = ({ nodes }: Layout, path: string): number =>
  2 + childrenOf(nodes, path).filter(isDirectory).length;

function treeDirectory(tree: Tree, layout: Layout, path: string, parent: string): Uint8Array {
  const entries = childrenOf(layout.nodes, path)
    .map((node): Entry => ({
      ...extentOf(layout, node.path),
      id: tree.idOf(node),
      flags: isDirectory(node) ? IS_DIRECTORY : 0,
      systemUse: tree.hasRockRidge ? useOf(layout, node) : NOTHING,
    }))
    .toSorted((a, b) => Buffer.compare(a.id, b.id))
    .map((entry): Entry => ({
      ...entry,
      id: entry.flags === IS_DIRECTORY ? entry.id : Uint8Array.of(...entry.id, ...tree.version),
    }));
  const own = linksOf(layout, path);
  const use = path === ROOT ? rootUse(own) : dotUse(own);
  const dots: Entry[] = [
    {
      ...extentOf(layout, path),
      id: SELF,
      flags: IS_DIRECTORY,
      systemUse: tree.hasRockRidge ? use : NOTHING,
    },
    {
      ...extentOf(layout, parent),
      id: PARENT,
      flags: IS_DIRECTORY,
      systemUse: tree.hasRockRidge ? dotUse(linksOf(layout, parent)) : NOTHING,
    },
  ];
  return directory([...dots, ...entries].map((entry) => directoryRecord(entry, layout.modifiedAt)));
}

const useOf = (layout: Layout, node: IsoNode): Uint8Array =>
  isDirectory(node) ? directoryUse(node.name, linksOf(layout, node.path)) : fileUse(node.name);

interface PathTableRow {
  readonly path: string;
  readonly id: Uint8Array;
  /** The number of the row of its parent; rows are numbered from 1. */
  readonly parent: number;
}

/** The rows by depth, then by parent, then by name. */
function pathTableRows(tree: Tree, nodes: readonly IsoNode[]): readonly PathTableRow[] {
  const rows: PathTableRow[] = [{ path: ROOT, id: SELF, parent: 1 }];
  for (let number = 1; number <= rows.length; number += 1) {
    const { path = ROOT } = rows[number - 1] ?? {};
    const below = childrenOf(nodes, path)
      .filter(isDirectory)
      .map((node): PathTableRow => ({ path: node.path, id: tree.idOf(node), parent: number }))
      .toSorted((a, b) => Buffer.compare(a.id, b.id));
    rows.push(...below);
  }
  return rows;
}

/** The table in little-endian order, and in the next sector in big-endian order: each fits into one with few folders. */
function pathTables(tree: Tree, layout: Layout): { readonly bytes: Uint8Array; readonly size: number } {
  const rows = pathTableRows(tree, layout.nodes);
  const table = (order: (bytes: number[]) => number[]): number[] =>
    rows.flatMap(({ path, id, parent }) => [
      id.length,
      0,
      ...order(le(extentOf(layout, path).sector, 4)),
      ...order(le(parent, 2)),
      ...id,
      ...(id.length % 2 === 1 ? [0] : []),
    ]);
  const little = table((bytes) => bytes);
  const bytes = new Uint8Array(2 * SECTOR);
  bytes.set(little);
  bytes.set(
    table((each) => each.reverse()),
    SECTOR,
  );
  return { bytes, size: little.length };
}

interface Volume {
  readonly options: IsoOptions;
  readonly root: Extent;
  readonly total: number;
  readonly pathTableSize: number;
}

function volumeDescriptor(tree: Tree, { options, root, total, pathTableSize }: Volume): Uint8Array {
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
  sector.set([...both(1, 2), ...both(1, 2), ...both(SECTOR, 2), ...both(pathTableSize, 4)], 120);
  sector.set(le(pathTableOf(tree), 4), 140);
  sector.set(le(pathTableOf(tree) + 1, 4).reverse(), 148);
  sector.set(
    directoryRecord({ ...root, id: SELF, flags: IS_DIRECTORY, systemUse: NOTHING }, modifiedAt),
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

function treesOf(nodes: readonly IsoNode[]): readonly Tree[] {
  const short = levelOneNames(nodes);
  return [
    {
      encode: ascii,
      escape: '',
      type: 1,
      idOf: ({ path }) => ascii(short.get(path) ?? ''),
      version: ascii(';1'),
      hasRockRidge: true,
    },
    {
      encode: ucs2,
      escape: '%/E',
      type: 2,
      idOf: ({ name }) => ucs2(name),
      version: NOTHING,
      hasRockRidge: false,
    },
  ];
}

/**
 * Builds the whole image.
 *
 * @returns bytes whose length is a multiple of 2048.
 */
export function buildIso(options: IsoOptions): Uint8Array {
  const { files, modifiedAt } = options;
  const nodes = nodesOf(files);
  const folders = [{ path: ROOT, parent: ROOT }, ...nodes.filter(isDirectory)];
  let next = DIRECTORIES;
  const place = (size: number): Extent => {
    const extent = { sector: next, size };
    next += Math.max(1, sectors(size));
    return extent;
  };

  // The size of a directory does not depend on the location of what is in it: a draft determines it.
  const draft: Layout = { nodes, extents: new Map(), modifiedAt };
  const placed = treesOf(nodes).map((tree) => ({
    tree,
    extents: folders.map(
      ({ path, parent }) => [path, place(treeDirectory(tree, draft, path, parent).length)] as const,
    ),
  }));
  const contents = files.map(({ name, bytes }) => [name, place(bytes.length)] as const);

  const image = new Uint8Array(next * SECTOR);
  for (const { tree, extents } of placed) {
    const layout: Layout = { nodes, extents: new Map([...extents, ...contents]), modifiedAt };
    const { bytes, size } = pathTables(tree, layout);
    const volume = { options, root: extentOf(layout, ROOT), total: next, pathTableSize: size };
    image.set(volumeDescriptor(tree, volume), (DESCRIPTORS + tree.type - 1) * SECTOR);
    image.set(bytes, pathTableOf(tree) * SECTOR);
    for (const { path, parent } of folders)
      image.set(treeDirectory(tree, layout, path, parent), extentOf(layout, path).sector * SECTOR);
  }
  image.set([255, ...ascii('CD001'), 1], TERMINATOR * SECTOR);
  const sectorsOfFiles = new Map(contents);
  for (const { name, bytes } of files) image.set(bytes, (sectorsOfFiles.get(name)?.sector ?? 0) * SECTOR);
  return image;
}
