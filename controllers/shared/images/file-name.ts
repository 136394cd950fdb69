/** Names of the files that are downloaded for a VMImage. Files have no mark: the name says whose they are. Pure. */
import { baseNameOf, formatOf } from '../../../src/api/index.ts';
import { sha256Hex } from '../../../src/lib/hash.ts';

const DIGITS = 12;
const CONTENT_DIGITS = 8;
const MAX_BASE = 60;

interface Source {
  readonly url: string;
  readonly checksum?: string | undefined;
  readonly format?: string | undefined;
}

const ownerOf = (uid: string, provider: string): string => sha256Hex(`${uid} ${provider}`).slice(0, DIGITS);

/**
 * For another URL, checksum or format it is another one.
 * @param provider `namespace/name`
 */
export function fileNameOf(uid: string, provider: string, source: Source): string {
  const { url, checksum = '', format } = source;
  const content = sha256Hex(`${url} ${checksum.toLowerCase()} ${format ?? ''}`).slice(0, CONTENT_DIGITS);
  const base = baseNameOf(url)
    .replaceAll(/[^A-Za-z0-9._-]/g, '_')
    .slice(0, MAX_BASE);
  return `virtrigaud-${ownerOf(uid, provider)}-${content}-${base}.${formatOf(source)}`;
}

/** Content type of the storages that files of this name are kept on. */
export const contentOf = (file: string): 'iso' | 'import' => (file.endsWith('.iso') ? 'iso' : 'import');

/** `local:import/a.qcow2` → `a.qcow2` */
export const fileNameIn = (volume: string): string => volume.slice(volume.indexOf('/') + 1);

/** Whether a volume is the file of this name. */
export const isFile = (volume: string, file: string): boolean => fileNameIn(volume) === file;

/** Whether a volume is a file that was downloaded for the VMImage, whatever its status says. */
export const isFileOf = (volume: string, uid: string, provider: string): boolean =>
  new RegExp(`^[^:/]+:(import|iso)/virtrigaud-${ownerOf(uid, provider)}-[^/]+$`).test(volume);
