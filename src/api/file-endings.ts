/** What a file is by the ending of its URL, in capitals or not: one place for the schema and for names of files. Pure. */

/** They hold other files, or disk images that Proxmox VE does not import. Compressed (`.tar.gz`) or not. */
const ARCHIVES =
  '7z|ar|box|cab|cpio|deb|dmg|ova|ovf|rar|rpm|tar|taz|tbz|tbz2|tgz|tlz|txz|tzst|vdi|vhd|vhdx|wim|zip';
const COMPRESSIONS = 'br|bz2|gz|lz|lz4|lzma|lzo|xz|z|zst|zstd';
/** Proxmox VE decompresses these, but only for ISO images. */
const UNPACKED = 'bz2|gz|lzo|zst';

const QUERY = String.raw`([?].*)?$`;
/** Each letter as both: the API server, which matches with RE2, has no flag for it. */
const eitherCase = (letters: string): string =>
  letters.replaceAll(/[a-z]/g, (letter) => `[${letter}${letter.toUpperCase()}]`);
const ending = (endings: string): RegExp => new RegExp(`^[^?]*[.](${eitherCase(endings)})${QUERY}`);

export const ARCHIVE = ending(`(${ARCHIVES})([.](${COMPRESSIONS}))?`);
export const COMPRESSED = ending(COMPRESSIONS);
/** The operator decompresses these. */
export const COMPRESSED_DISK = ending('bz2|gz|xz|zst');
export const COMPRESSED_ISO = ending(UNPACKED);
export const ISO = ending(`iso([.](${COMPRESSIONS}))?`);

/** Formats of disk images that Proxmox VE imports. */
export type DiskFormat = 'qcow2' | 'raw' | 'vmdk';

const DISK = /[.](qcow2|raw|vmdk|img)$/i;
/** What is unpacked on the way, by Proxmox VE or by the operator. */
const UNPACKED_LATER = /[.](bz2|gz|lzo|xz|zst)$/i;
const PACKED = new RegExp(`[.](${UNPACKED})$`, 'i');

const fileIn = (url: string): string =>
  (URL.canParse(url) ? new URL(url).pathname : url).split('/').at(-1) ?? '';

const unpackedFileIn = (url: string): string => fileIn(url).replace(UNPACKED_LATER, '');

/** What a download is, as the spec says or else by the ending; qcow2 for `.img` and where the ending says nothing. */
export function formatOf({
  url,
  format,
}: {
  readonly url: string;
  readonly format?: string | undefined;
}): DiskFormat | 'iso' {
  const said = format ?? (ISO.test(url) ? 'iso' : DISK.exec(unpackedFileIn(url))?.[1]?.toLowerCase());
  return said === 'raw' || said === 'vmdk' || said === 'iso' ? said : 'qcow2';
}

/** How Proxmox VE is to decompress it. */
export function compressionOf(url: string): 'gz' | 'bz2' | 'lzo' | 'zst' | undefined {
  const found = PACKED.exec(fileIn(url))?.[1]?.toLowerCase();
  return found === 'gz' || found === 'bz2' || found === 'lzo' || found === 'zst' ? found : undefined;
}

/** Name of the file without what is said by its format. */
export const baseNameOf = (url: string): string =>
  unpackedFileIn(url).replace(/[.](qcow2|raw|vmdk|img|iso)$/i, '');
