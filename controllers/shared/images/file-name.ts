/** Names of the files that are downloaded for a VMImage. Files have no mark: the name says whose they are. Pure. */
import { sha256Hex } from '../../../src/lib/hash.ts';

const DIGITS = 12;
const CONTENT_DIGITS = 8;
const MAX_BASE = 60;
/** A file is kept as it is once it is decompressed. */
const COMPRESSED = /[.](gz|bz2|xz|zst)$/i;

interface Source {
  readonly url: string;
  readonly checksum?: string | undefined;
  readonly format?: string | undefined;
}

type Format = 'qcow2' | 'raw' | 'vmdk';

const ownerOf = (uid: string, provider: string): string => sha256Hex(`${uid} ${provider}`).slice(0, DIGITS);

/**
 * For another URL, checksum or format it is another one.
 * @param provider `namespace/name`
 */
export function fileNameOf(uid: string, provider: string, { url, checksum = '', format }: Source): string {
  const content = sha256Hex(`${url} ${checksum.toLowerCase()} ${format ?? ''}`).slice(0, CONTENT_DIGITS);
  const { pathname } = URL.canParse(url) ? new URL(url) : { pathname: url };
  const last = (pathname.split('/').at(-1) ?? '').replace(COMPRESSED, '');
  const base = last
    .replace(/[.](qcow2|raw|vmdk|img)$/i, '')
    .replaceAll(/[^A-Za-z0-9._-]/g, '_')
    .slice(0, MAX_BASE);
  return `virtrigaud-${ownerOf(uid, provider)}-${content}-${base}.${formatOf(last, format)}`;
}

function formatOf(file: string, format: string | undefined): Format {
  const ending = format ?? /[.](raw|vmdk)$/i.exec(file)?.[1]?.toLowerCase();
  return ending === 'raw' || ending === 'vmdk' ? ending : 'qcow2';
}

/** Whether a volume is a file that was downloaded for the VMImage, whatever its status says. */
export const isFileOf = (volume: string, uid: string, provider: string): boolean =>
  new RegExp(`^[^:/]+:import/virtrigaud-${ownerOf(uid, provider)}-[^/]+$`).test(volume);
