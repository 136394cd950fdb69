/** `/nodes/{node}/storage/{storage}`: the volumes of a storage, as one node sees them. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { NodeName, Upid } from '../lib/units.ts';
import { endpoint, type CallOptions, type Send, type StreamedFile } from './endpoint.ts';
import {
  Int,
  maybe,
  MaybeUpid,
  NodeParam,
  rows,
  Size,
  StorageParam,
  UpidText,
  VmidText,
  Word,
} from './wire.ts';

const Volume = z.object({
  volid: z.string().max(1024),
  content: maybe(Word),
  format: maybe(Word),
  size: maybe(Size),
  vmid: maybe(VmidText),
  /** What a linked clone is a clone of; on Ceph `IMAGE@SNAPSHOT`. */
  parent: maybe(Word),
  /** Seconds since the epoch. */
  ctime: maybe(Int),
});
export type Volume = z.output<typeof Volume>;

const At = z.object({ node: NodeParam, storage: StorageParam });

/** PVE silently replaces other characters, and the volume would then have another name. */
const IsoName = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9._-]*\.(iso|img)$/, 'not a file name for an ISO image');

/** Of a file that a disk is imported from. */
const DiskImageName = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9._-]*\.(qcow2|raw|vmdk)$/, 'not a file name for a disk image');

/** The same, or of an ISO image. */
const DownloadName = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9._-]*\.(qcow2|raw|vmdk|iso)$/, 'not a file name for an image');

export const STORAGE = {
  content: endpoint({
    method: 'GET',
    path: '/nodes/{node}/storage/{storage}/content',
    params: At.extend({ content: z.string().optional() }),
    reply: rows(Volume),
    // A storage that hangs takes half a minute to answer.
    lane: 'content',
    needs: [{ path: '/storage/{storage}', anyOf: ['Datastore.Audit', 'Datastore.AllocateSpace'] }],
  }),
  upload: endpoint({
    method: 'POST',
    path: '/nodes/{node}/storage/{storage}/upload',
    params: At.extend({
      content: z.enum(['iso', 'import']),
      filename: z.string(),
      'checksum-algorithm': z.literal('sha256'),
      checksum: z.string(),
    }).refine(
      ({ content, filename }) => (content === 'iso' ? IsoName : DiskImageName).safeParse(filename).success,
      { path: ['filename'], message: 'not a file name for this content' },
    ),
    reply: UpidText,
    needs: [{ path: '/storage/{storage}', anyOf: ['Datastore.AllocateTemplate'], feature: 'isoUpload' }],
    // Without a checksum the length of the body still tells PVE where a broken upload ends.
    lifetimes: {
      'content=import': { since: '8.4' },
      checksum: { since: '7.2', omissible: true },
      'checksum-algorithm': { since: '7.2', omissible: true },
    },
  }),
  downloadUrl: endpoint({
    method: 'POST',
    path: '/nodes/{node}/storage/{storage}/download-url',
    params: At.extend({
      content: z.enum(['import', 'iso']),
      url: z.string(),
      filename: DownloadName,
      compression: z.enum(['gz', 'bz2', 'lzo', 'zst']).optional(),
      'checksum-algorithm': z.string().optional(),
      checksum: z.string().optional(),
    }),
    reply: UpidText,
    // Before, files can be imported only where an administrator put them.
    lifetimes: { 'content=import': { since: '8.4' }, compression: { since: '8.2' } },
    needs: [
      { path: '/storage/{storage}', anyOf: ['Datastore.AllocateTemplate'], feature: 'isoUpload' },
      { path: '/nodes/{node}', anyOf: ['Sys.AccessNetwork'], since: 8, feature: 'downloads' },
    ],
  }),
  deleteVolume: endpoint({
    method: 'DELETE',
    path: '/nodes/{node}/storage/{storage}/content/{volume}',
    params: At.extend({ volume: z.string().min(1) }),
    reply: MaybeUpid,
    // Required for an image that belongs to no guest (pve-storage, API2/Storage/Content.pm).
    needs: [{ path: '/storage/{storage}', anyOf: ['Datastore.Allocate'], feature: 'isoUpload' }],
    irreversible: true,
  }),
} as const;

export interface IsoUpload {
  readonly content: 'iso';
  /** Letters, digits, `.`, `_` and `-`, ending in `.iso` or `.img`. */
  readonly filename: string;
  readonly bytes: Uint8Array;
}

export interface DiskImageUpload {
  /** Letters, digits, `.`, `_` and `-`, ending in `.qcow2`, `.raw` or `.vmdk`. */
  readonly filename: string;
  readonly file: StreamedFile;
  /** Of the whole file, in hexadecimal digits. */
  readonly sha256: string;
}

export type Compression = 'gz' | 'bz2' | 'lzo' | 'zst';

export interface ImageDownload {
  /** What the file is for: disks are imported from it, or it is an ISO image. */
  readonly content: 'import' | 'iso';
  readonly url: string;
  /** Letters, digits, `.`, `_` and `-`, ending in `.qcow2`, `.raw`, `.vmdk` or `.iso`. */
  readonly filename: string;
  /** How PVE is to decompress it, which it does for ISO images alone. */
  readonly compression?: Compression | undefined;
  /** Of the file as it is at the URL. */
  readonly checksum?: { readonly algorithm: string; readonly digits: string } | undefined;
}

export interface Storage {
  /** All volumes, or those of one content type such as `iso` or `images`. */
  content(type?: string, options?: CallOptions): Promise<readonly Volume[]>;
  /** Overwrites an image of the same name. Resolves when PVE has received the file; the task moves it into place. */
  upload(file: IsoUpload, options?: CallOptions): Promise<Upid>;
  /**
   * The same for a file that a disk can be imported from, as a stream. PVE verifies its checksum. Meanwhile the file has
   * its name already: it is complete once the task has ended.
   */
  uploadImage(image: DiskImageUpload, options?: CallOptions): Promise<Upid>;
  /**
   * The node downloads a file. A file of that name with the right checksum is kept; any
   * other is not overwritten.
   */
  downloadUrl(file: ImageDownload, options?: CallOptions): Promise<Upid>;
  /** Also succeeds if the volume does not exist. `undefined`: done without a task. */
  deleteVolume(volid: string, options?: CallOptions): Promise<Upid | undefined>;
}

export const storage = (send: Send, at: { readonly node: NodeName; readonly storage: string }): Storage => ({
  content: (type, options) => send(STORAGE.content, { ...at, content: type }, options),
  upload: ({ content, filename, bytes }, options) => {
    const checksum = createHash('sha256').update(bytes).digest('hex');
    return send(
      STORAGE.upload,
      { ...at, content, filename, 'checksum-algorithm': 'sha256', checksum },
      { ...options, file: bytes },
    );
  },
  uploadImage: ({ filename, file, sha256 }, options) =>
    send(
      STORAGE.upload,
      { ...at, content: 'import', filename, 'checksum-algorithm': 'sha256', checksum: sha256 },
      { ...options, file },
    ),
  downloadUrl: ({ content, url, filename, compression, checksum }, options) =>
    send(
      STORAGE.downloadUrl,
      {
        ...at,
        content,
        url,
        filename,
        ...(compression && { compression }),
        ...(checksum && { 'checksum-algorithm': checksum.algorithm, checksum: checksum.digits }),
      },
      options,
    ),
  deleteVolume: (volume, options) => send(STORAGE.deleteVolume, { ...at, volume }, options),
});
