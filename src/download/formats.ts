/** What a file is, by its first bytes. Pure. */

export type Compression = 'gz' | 'bz2' | 'xz' | 'zst';
export type DiskFormat = 'qcow2' | 'raw' | 'vmdk';

/** Something that a disk image begins with, which is none that Proxmox VE imports, or that says what it is. */
export type Content = DiskFormat | 'iso' | 'html' | 'vhd' | 'vhdx' | 'vdi' | 'archive' | Compression;

const COMPRESSED: readonly (readonly [Compression, Buffer])[] = [
  ['gz', Buffer.from('1f8b08', 'hex')],
  ['bz2', Buffer.from('BZh')],
  ['xz', Buffer.from('fd377a585a00', 'hex')],
  ['zst', Buffer.from('28b52ffd', 'hex')],
];

const startsWith = (head: Buffer, magic: Buffer, at = 0): boolean =>
  head.subarray(at, at + magic.length).equals(magic);

export const compressionOf = (head: Buffer): Compression | undefined =>
  COMPRESSED.find(([, magic]) => startsWith(head, magic))?.[0];

/** Where the first volume descriptor of ISO 9660 has its identifier. */
const ISO_AT = 32_769;
/** How many bytes have to be known. */
export const HEAD_BYTES = ISO_AT + 8;

const MAGIC: readonly (readonly [Content, string, number])[] = [
  ['qcow2', 'QFI\xfb', 0],
  ['vmdk', 'KDMV', 0],
  ['vmdk', '# Disk DescriptorFile', 0],
  ['vhdx', 'vhdxfile', 0],
  ['vhd', 'conectix', 0],
  ['vdi', '\x7f\x10\xda\xbe', 64],
  ['iso', 'CD001', ISO_AT],
  ['archive', 'PK\x03\x04', 0],
  ['archive', 'ustar', 257],
];

const HTML = /^(\xef\xbb\xbf)?\s*(<!--|<!doctype html|<html|<\?xml)/i;

/**
 * @param head the first bytes of what was decompressed
 * @returns `raw` for everything that is not known to be something else
 */
export function contentOf(head: Buffer): Content {
  const compressed = compressionOf(head);
  if (compressed) return compressed;
  if (HTML.test(head.toString('latin1', 0, 256))) return 'html';
  const found = MAGIC.filter(([, magic, at]) => startsWith(head, Buffer.from(magic, 'latin1'), at));
  // An ISO image that can also be written to a USB stick has a partition table, and nothing else at its beginning.
  return found[0]?.[0] ?? 'raw';
}

/** The ending of a URL's path that says how the file is compressed. */
export function compressionIn(url: string): Compression | undefined {
  const path = URL.canParse(url) ? new URL(url).pathname : url;
  const ending = /\.(gz|bz2|xz|zst)$/i.exec(path)?.[1]?.toLowerCase();
  return COMPRESSED.find(([name]) => name === ending)?.[0];
}

const FORMATS: ReadonlySet<Content> = new Set(['qcow2', 'raw', 'vmdk']);

const CONVERT =
  'Convert it to qcow2, for example with qemu-img convert -O qcow2, and name that in spec.download.url.';
const TWICE = 'The file is compressed more than once. Compress it once, and name that in spec.download.url.';

const PROBLEMS: Readonly<Record<Exclude<Content, DiskFormat>, string>> = {
  html: 'The server sent a web page instead of a disk image. Correct spec.download.url; if the server wants a login, name a Secret with the header in spec.download.headersSecretRef.',
  iso: 'The file is an ISO image, of which no template can be made. Put it on a storage with content type "iso" and name it in spec.source.',
  vhd: `The file is a VHD image. ${CONVERT}`,
  vhdx: `The file is a VHDX image. ${CONVERT}`,
  vdi: `The file is an image of VirtualBox (VDI). ${CONVERT}`,
  archive: 'The file is an archive. Unpack it, and name the disk image that it has in spec.download.url.',
  gz: TWICE,
  bz2: TWICE,
  xz: TWICE,
  zst: TWICE,
};

const isFormat = (found: Content): found is DiskFormat => FORMATS.has(found);

/** Why what was found cannot be the disk image that is wanted: sentences; `undefined`: it can be. */
export function contentProblem(found: Content, wanted: DiskFormat): string | undefined {
  if (found === wanted) return undefined;
  return isFormat(found)
    ? `The file is a ${found} image, and not ${wanted}. Set spec.download.format to ${found}.`
    : PROBLEMS[found];
}
