import { expect, describe, jest, test } from '@jest/globals';
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { decompress } from '../../../src/download/decompress/decompress.ts';
import type { Compression } from '../../../src/download/formats.ts';
import { diskImage, inPieces, joined } from '../../builders/disk-image.ts';
import fc from '../../builders/fast-check.ts';
import * as compressed from '../../fixtures/compressed-disks.ts';

// Starting a thread takes a tenth of a second, and much longer on a busy machine.
jest.setTimeout(120_000);

const half = diskImage.length / 2;
const parts = [diskImage.subarray(0, half), diskImage.subarray(half)] as const;

const WHOLE: readonly (readonly [string, Compression, Buffer])[] = [
  ['gz', 'gz', gzipSync(diskImage)],
  ['bz2', 'bz2', compressed.BZ2],
  ['xz', 'xz', compressed.XZ],
  // With a checksum, as the program zstd does.
  ['zst', 'zst', zstdCompressSync(diskImage, { params: { [constants.ZSTD_c_checksumFlag]: 1 } })],
];

const IN_PARTS: readonly (readonly [string, Compression, Buffer])[] = [
  ['gz in two members', 'gz', Buffer.concat(parts.map((part) => gzipSync(part)))],
  ['bz2 in two streams', 'bz2', compressed.BZ2_IN_TWO_STREAMS],
  ['xz in two streams', 'xz', compressed.XZ_IN_TWO_STREAMS],
  ['zst in two frames', 'zst', Buffer.concat(parts.map((part) => zstdCompressSync(part)))],
];

test.each([...WHOLE, ...IN_PARTS])('%s is decompressed, however it arrives', async (_name, kind, bytes) => {
  for (const size of [1 << 20, 700, 13])
    expect((await joined(decompress(kind, inPieces(bytes, size)))).equals(diskImage)).toBe(true);
});

test.each(WHOLE)('%s that is truncated is refused, wherever', async (_name, kind, bytes) => {
  const lengths = fc.sample(fc.integer({ min: 1, max: bytes.length - 1 }), 12);
  for (const length of [bytes.length - 1, ...lengths])
    await expect(joined(decompress(kind, inPieces(bytes.subarray(0, length))))).rejects.toThrow(
      /damaged|truncated/,
    );
});

test.each(WHOLE)('%s in which a bit is flipped gives no other image', async (_name, kind, bytes) => {
  const flips = fc.sample(fc.tuple(fc.nat(bytes.length - 1), fc.nat(7)), 12);
  for (const [at, bit] of flips) {
    const damaged = Buffer.from(bytes);
    damaged[at] = damaged[at]! ^ (1 << bit);
    const found = await joined(decompress(kind, inPieces(damaged))).catch(() => undefined);
    expect(found === undefined || found.equals(diskImage)).toBe(true);
  }
});

test.each(WHOLE)('%s followed by something else is refused', async (_name, kind, bytes) => {
  const more = Buffer.concat([bytes, Buffer.from('something else that is no compressed data')]);
  await expect(joined(decompress(kind, inPieces(more)))).rejects.toThrow();
});

describe('what would need too much memory, or is not supported, is refused with what to do', () => {
  test.each([
    ['xz with a dictionary of 96 MiB', 'xz', compressed.XZ_WITH_96_MIB, /larger than 64 MiB.*xz -9/],
    ['zst with a window of 128 MiB', 'zst', compressed.ZST_WITH_128_MIB, /larger than 64 MiB.*--long/],
    ['xz with checks of another kind', 'xz', compressed.XZ_WITH_SHA256, /not supported.*--check/],
  ] as const)('%s', async (_name, kind, bytes, message) => {
    await expect(joined(decompress(kind, inPieces(bytes)))).rejects.toThrow(message);
  });
});

test.each(WHOLE)('%s whose reader stops early ends what it reads', async (_name, kind, bytes) => {
  let isEnded = false;
  async function* input(): AsyncGenerator<Buffer, void> {
    try {
      yield* inPieces(bytes, 500);
    } finally {
      isEnded = true;
    }
  }
  for await (const _piece of decompress(kind, input())) break;
  expect(isEnded).toBe(true);
});

test.each(WHOLE)('what fails while %s is read is thrown as it is', async (_name, kind, bytes) => {
  async function* input(): AsyncGenerator<Buffer, void> {
    yield* inPieces(bytes.subarray(0, 60), 20);
    throw new Error('The connection broke.');
  }
  await expect(joined(decompress(kind, input()))).rejects.toThrow('The connection broke.');
});
