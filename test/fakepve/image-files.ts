import { gunzipSync } from 'node:zlib';
import { causeOf, failure } from './errors.ts';

/** The ways of packing that PVE undoes; of these, the fake undoes gz. */
export const DECOMPRESSED = new Set(['gz', 'lzo', 'zst', 'bz2']);

const QCOW2 = 0x514649fb;

/** PVE trusts no disk image before it has looked at it. */
export function checkImage(volume: string, data: Buffer, path: string): void {
  if (!volume.startsWith('import/') || !volume.endsWith('.qcow2')) return;
  if (data.length < 32 || data.readUInt32BE(0) !== QCOW2)
    throw failure(`qemu-img: Could not open '${path}': Image is not in qcow2 format`);
  // The header says where the name of a backing file begins.
  if (data.readBigUInt64BE(8) !== 0n)
    throw failure(`backing file not allowed for untrusted image '${path}'!`);
}

export function verifyDownload(volume: string, data: Buffer, temporary: string): void {
  try {
    checkImage(volume, data, temporary);
  } catch (error) {
    throw failure(`failed to verify file: ${causeOf(error)}`);
  }
}

export function unpack(compression: string | undefined, data: Buffer, temporary: string): Buffer {
  if (compression !== 'gz') return data;
  try {
    return gunzipSync(data);
  } catch {
    throw failure(`command 'zcat ${temporary}' failed: exit code 1`);
  }
}
