/** Rock Ridge (RRIP 1991A): the System Use fields, which hold real names, modes and owners. */
import { ascii, both } from './iso-fields.ts';

/** User-data may contain secrets, so only root may read the files. */
const DIRECTORY_MODE = 0o040555;
const FILE_MODE = 0o100400;

const susp = (signature: string, data: Iterable<number>): number[] => {
  const body = [...data];
  return [...ascii(signature), body.length + 4, 1, ...body];
};
const posix = (mode: number, links: number): number[] =>
  susp('PX', [...both(mode, 4), ...both(links, 4), ...both(0, 4), ...both(0, 4)]);
const named = (name: string): number[] => susp('NM', [0, ...ascii(name)]);

/** Of the first record of the root directory. */
export const rootUse = (links: number): Uint8Array =>
  Uint8Array.from([
    ...susp('SP', [0xbe, 0xef, 0]),
    ...posix(DIRECTORY_MODE, links),
    // The identifier of the extension, without the optional description.
    ...susp('ER', [10, 0, 0, 1, ...ascii('RRIP_1991A')]),
  ]);

/** Of a directory's own record and the one of its parent. */
export const dotUse = (links: number): Uint8Array => Uint8Array.from(posix(DIRECTORY_MODE, links));

export const directoryUse = (name: string, links: number): Uint8Array =>
  Uint8Array.from([...posix(DIRECTORY_MODE, links), ...named(name)]);

export const fileUse = (name: string): Uint8Array =>
  Uint8Array.from([...posix(FILE_MODE, 1), ...named(name)]);
