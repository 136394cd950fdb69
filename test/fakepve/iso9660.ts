const SECTOR = 2048;

interface Entry {
  readonly name: string;
  readonly isDirectory: boolean;
  readonly start: number;
  readonly length: number;
}

interface Tree {
  readonly root: Entry;
  readonly joliet: boolean;
}

/** The alternate name (Rock Ridge `NM`) of a record, if it has one. */
function alternateName(systemUse: Buffer): string | undefined {
  let name = '';
  for (let at = 0; at + 4 <= systemUse.length;) {
    const length = systemUse.readUInt8(at + 2);
    if (length < 4) break;
    if (systemUse.toString('latin1', at, at + 2) === 'NM')
      name += systemUse.toString('utf8', at + 5, at + length);
    at += length;
  }
  return name === '' ? undefined : name;
}

function readRecord(image: Buffer, at: number, joliet: boolean): Entry {
  const nameLength = image.readUInt8(at + 32);
  const raw = image.subarray(at + 33, at + 33 + nameLength);
  const padded = at + 33 + nameLength + (nameLength % 2 === 0 ? 1 : 0);
  // The entries for the directory itself and its parent have a name of one byte, also in Joliet.
  const wide = joliet && nameLength % 2 === 0;
  const plain = wide ? Buffer.from(raw).swap16().toString('utf16le') : raw.toString('latin1');
  const alternate = joliet ? undefined : alternateName(image.subarray(padded, at + image.readUInt8(at)));
  return {
    name: alternate ?? plain.replace(/;\d+$/, '').replace(/\.$/, ''),
    isDirectory: (image.readUInt8(at + 25) & 2) !== 0,
    start: image.readUInt32LE(at + 2) * SECTOR,
    length: image.readUInt32LE(at + 10),
  };
}

/** The directory tree with long names, if there is one, otherwise the plain one. */
function openTree(image: Buffer): Tree | undefined {
  let primary: Tree | undefined;
  for (let at = 16 * SECTOR; at + SECTOR <= image.length; at += SECTOR) {
    if (image.toString('latin1', at + 1, at + 6) !== 'CD001') break;
    const type = image.readUInt8(at);
    if (type === 255) break;
    const joliet = type === 2 && /^%\/[@CE]/.test(image.toString('latin1', at + 88, at + 91));
    if (joliet) return { root: readRecord(image, at + 156, true), joliet };
    if (type === 1) primary = { root: readRecord(image, at + 156, false), joliet: false };
  }
  return primary;
}

/** The records of a directory, without the two for itself and its parent. */
function entriesOf(image: Buffer, directory: Entry, joliet: boolean): readonly Entry[] {
  const entries: Entry[] = [];
  const end = Math.min(directory.start + directory.length, image.length);
  for (let at = directory.start; at + 33 < end;) {
    const size = image.readUInt8(at);
    if (size === 0) {
      // Records do not cross sectors: the rest of this one is empty.
      at = (Math.floor(at / SECTOR) + 1) * SECTOR;
      continue;
    }
    const isDot = image.readUInt8(at + 32) === 1 && image.readUInt8(at + 33) < 2;
    if (!isDot) entries.push(readRecord(image, at, joliet));
    at += size;
  }
  return entries;
}

/** The limit of ISO 9660 for the depth of folders. */
const DEEPEST = 8;

/** The files of an ISO 9660 image by path; none if the bytes are not such an image. */
export function readIso(image: Buffer): ReadonlyMap<string, Buffer> {
  const files = new Map<string, Buffer>();
  const tree = openTree(image);
  const visit = (directory: Entry, prefix: string, depth: number): void => {
    for (const entry of entriesOf(image, directory, tree?.joliet === true)) {
      const path = `${prefix}${entry.name}`;
      if (!entry.isDirectory) files.set(path, image.subarray(entry.start, entry.start + entry.length));
      else if (depth < DEEPEST) visit(entry, `${path}/`, depth + 1);
    }
  };
  if (tree) visit(tree.root, '', 1);
  return files;
}
