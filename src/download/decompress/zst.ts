/** Decompresses Zstandard, also where several frames follow each other: the stream of Node ends after the first. */
import { once } from 'node:events';
import { pipeline, Readable } from 'node:stream';
import { constants, createZstdDecompress } from 'node:zlib';

export const PIECE = 128 * 1024;
/** 64 MiB, as for xz: as much memory is needed. */
const MAX_WINDOW_LOG = 26;

export async function* decompressZst(input: AsyncIterable<Uint8Array>): AsyncGenerator<unknown, void> {
  const pieces = unreadable(input[Symbol.asyncIterator]());
  try {
    do {
      const frame = createZstdDecompress({
        chunkSize: PIECE,
        params: { [constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG },
      });
      pieces.begin();
      // One piece ahead: Readable counts pieces here, and not bytes.
      const source = Readable.from(
        pieces.following(() => frame.bytesWritten),
        { highWaterMark: 1 },
      );
      // The iteration throws what ends it.
      pipeline(source, frame, () => undefined);
      yield* frame;
      if (!source.closed) await once(source.destroy(), 'close');
      pieces.putBack(frame.bytesWritten);
    } while (await pieces.isMore());
  } finally {
    await pieces.close();
  }
}

interface Given {
  readonly piece: Uint8Array;
  /** Offset of its end since `begin`. */
  readonly end: number;
}

/** Pieces of which the last ones can be put back, as far as they were not used. */
function unreadable(input: AsyncIterator<Uint8Array>) {
  let given: Given[] = [];
  let back: Uint8Array[] = [];
  let total = 0;
  const next = async (): Promise<Uint8Array | undefined> => {
    const first = back.shift();
    if (first) return first;
    const read = await input.next();
    return read.done === true ? undefined : read.value;
  };
  return {
    begin() {
      given = [];
      total = 0;
    },
    /** @param used how many bytes have been, of which nothing has to be remembered */
    async *following(used: () => number): AsyncGenerator<Uint8Array, void> {
      for (let piece = await next(); piece; piece = await next()) {
        total += piece.length;
        given = [...given.filter(({ end }) => end > used()), { piece, end: total }];
        yield piece;
      }
    },
    putBack(used: number) {
      const left = given.flatMap(({ piece, end }) => (end > used ? [piece.subarray(-(end - used))] : []));
      back = [...left, ...back];
    },
    async isMore(): Promise<boolean> {
      const piece = await next();
      if (piece) back = [piece, ...back];
      return piece !== undefined;
    },
    async close() {
      await input.return?.();
    },
  };
}
