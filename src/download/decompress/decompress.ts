/** Decompresses a stream in constant memory: with Node where it can, otherwise in a worker thread. */
import { pipeline, Readable, type Transform } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { Compression } from '../formats.ts';
import { decompressInWorker } from './in-worker.ts';
import { DecompressError } from './pipe.ts';
import { decompressZst, PIECE } from './zst.ts';

/** @throws DecompressError if it cannot be decompressed; whatever the input throws */
export function decompress(
  compression: Compression,
  input: AsyncIterable<Uint8Array>,
): AsyncIterable<Buffer> {
  switch (compression) {
    case 'gz':
      return through(createGunzip({ chunkSize: PIECE }), input);
    case 'zst':
      return withProblems(decompressZst(input));
    case 'bz2':
    case 'xz':
      return decompressInWorker(compression, input);
    default:
      return compression satisfies never;
  }
}

function through(decompressor: Transform, input: AsyncIterable<Uint8Array>): AsyncIterable<Buffer> {
  // One piece ahead: Readable counts pieces here, and not bytes.
  const source = Readable.from(input, { highWaterMark: 1 });
  // The iteration throws what ends it.
  pipeline(source, decompressor, () => undefined);
  return withProblems(decompressor);
}

async function* withProblems(pieces: AsyncIterable<unknown>): AsyncGenerator<Buffer, void> {
  try {
    for await (const piece of pieces) if (Buffer.isBuffer(piece)) yield piece;
  } catch (error) {
    throw problemIn(error);
  }
}

function problemIn(error: unknown): unknown {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  if (typeof code !== 'string' || !/^(Z_|ZSTD_)/.test(code)) return error;
  if (code === 'ZSTD_error_frameParameter_windowTooLarge')
    return new DecompressError(
      'unsupported',
      'its window is larger than 64 MiB, so that much memory would be needed. Compress it with zstd -19 or less, and without --long and --ultra',
    );
  return new DecompressError('broken', 'it is damaged or truncated');
}
